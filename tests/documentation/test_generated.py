"""What stands on pages and comes from the code, or from nginx, is what these say now."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import generated
from pytest_mtls import Harness
from tests.documentation.blocks import DOCS

REMEDY = "write them anew with `python -m docs.generated`"
TRUTH = DOCS / "what-nginx-really-does.md"


@pytest.mark.parametrize("page", [*generated.pages()], ids=lambda page: page.stem)
def test_tables_are_what_the_code_says(page: Path) -> None:
    """Arguments and states, from their docstrings."""
    text = page.read_text()

    assert generated.filled(text, generated.COMMITTED) == text, REMEDY


def test_the_table_is_what_nginx_does(process_harness: Harness) -> None:
    """Every credential in every mode, measured now."""
    text = TRUTH.read_text()
    measured = generated.filled(text, {"truth": lambda: generated.truth(process_harness)})

    assert measured == text, REMEDY
    assert measured.count("| `") > 30


def test_every_place_is_filled_from_somewhere() -> None:
    """A name that is misspelt would leave a hole in the page."""
    known = {"truth", *generated.COMMITTED, *generated.BUILT}
    named = {name for page in DOCS.rglob("*.md") for name in generated._PLACE.findall(page.read_text())}

    assert named == known
