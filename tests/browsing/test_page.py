"""What docs/browsers.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mtls import Browser, CredentialState, Harness

pytestmark = pytest.mark.long

PAGE = Path(__file__).parents[2] / "docs" / "browsers.md"


def test_its_suites_pass_as_they_stand(pytester: pytest.Pytester) -> None:
    """Each block is a file of its own."""
    blocks = [block.split("```")[0] for block in PAGE.read_text().split("```python\n")[1:]]
    suites = [block for block in blocks if "def test_" in block]
    for number, block in enumerate(suites):
        (pytester.path / f"test_block_{number}.py").write_text(block)

    result = pytester.runpytest_subprocess("--mtls-engine=process", "-p", "no:asyncio", "-W", "error", timeout=60)

    result.assert_outcomes(passed=sum(block.count("def test_") for block in suites))
    assert len(suites) == 4


@pytest.mark.parametrize(
    "state", [CredentialState.EXPIRED, CredentialState.SERVER_AUTH_ONLY, CredentialState.KEY_ENCIPHERMENT_ONLY], ids=str
)
def test_what_chromium_keeps_back(process_harness: Harness, state: CredentialState) -> None:
    """A certificate that is not for this, or not for now; nginx, asked with it, refuses each for its own reason."""
    server = process_harness.nginx()
    with Browser.open(server, credential=process_harness.credentials[state]) as browser:
        page = browser.visit()

    assert (page.status, page.withheld) == (400, True)
    assert "No required SSL certificate was sent" in page.text
    assert server.request(credential=process_harness.credentials[state]).internal_status == 495
