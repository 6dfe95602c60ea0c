"""docs/clients.md: its examples run, and its tables are what is measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_mtls.clients.catalogue import CLIENTS
from pytest_mtls.clients.situations import SITUATIONS
from tests.clients.test_table import CLOSED, UNTRUSTED

PAGE = Path(__file__).parent.parent.parent / "docs" / "clients.md"


@pytest.mark.long
def test_every_example_passes(pytester: pytest.Pytester) -> None:
    """As a suite of its own."""
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)):
        (pytester.path / f"test_block_{number}.py").write_text(block)

    result = pytester.runpytest_subprocess("--mtls-engine=process", "-p", "no:cacheprovider", timeout=60)

    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_page_says_what_is_measured(client: str) -> None:
    """Row by row."""
    (row,) = re.findall(rf"^\| `{client}` \| `([^|]+)` \| `([^|]+)` \| ", PAGE.read_text(), re.M)

    assert re.fullmatch(CLOSED[client], row[0])
    assert re.fullmatch(UNTRUSTED[client], row[1])


def test_the_page_counts_right() -> None:
    """And names the oldest version of each client."""
    text = PAGE.read_text()

    assert len(SITUATIONS) == 17
    assert "in seventeen situations" in text
    for client in CLIENTS.values():
        assert re.search(rf"^\| [^|]*`{client.name}`[^|]*\|[^|]*\|[^|]*\b{re.escape(client.oldest)}\b", text, re.M)
