"""What was measured once for every test of the pages, and a browser to look at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import CredentialState, Harness, VerifyMode
from pytest_mtls.report.files import write_report
from pytest_mtls.report.record import Observation
from pytest_mtls.table.measure import Gap, MeasuredCell, plan
from pytest_mtls.table.page import table_page
from pytest_mtls.table.workers import measure_parts
from tests.browser import REMEDY, Page, opened, refuse_or_skip
from tests.generations.conftest import built

_SKIPPED = pytest.StashKey[bool]()

STATES = (
    CredentialState.NONE,
    CredentialState.VALID,
    CredentialState.VIA_INTERMEDIATE,
    CredentialState.EXPIRED,
    CredentialState.UNKNOWN_CA,
    CredentialState.WEAK_KEY,
    CredentialState.WRONG_KEY,
)
NAMES = ("bullseye", "bundled")
SITUATIONS = ("plain", "depth-0")


@pytest.fixture(scope="session")
def measured() -> list[MeasuredCell]:
    """A part of the table on two nginx that do not do the same with each."""
    built("bullseye")
    parts = plan(NAMES, SITUATIONS, versions=["1.2", "1.3"], states=STATES)
    return [cell for part in measure_parts(parts, engine="process") for cell in part if isinstance(cell, MeasuredCell)]


@pytest.fixture(scope="session")
def table_file(measured: list[MeasuredCell], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page."""
    path = tmp_path_factory.mktemp("table") / "table.html"
    path.write_text(table_page(measured, [Gap("bullseye", "of-tomorrow", 28, "it has <no> such thing")]))
    return path


@pytest.fixture(scope="session")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a suite with two tests, one of which has markup for a name."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    with Harness.open("process") as harness:
        server = harness.nginx(verify=VerifyMode.OPTIONAL_NO_CA)
        shown = [
            *((state, harness.credentials[state]) for state in STATES),
            ("<b>alice</b>", harness.ca.issue_client("alice")),
        ]
        seen = [
            Observation.of(f"test_it.py::test_it[{state}]", server.request(credential=each)) for state, each in shown
        ]
    write_report(path, seen)
    return path


@pytest.fixture(scope="session")
def _browser(request: pytest.FixtureRequest) -> Iterator[Page]:
    refuse_or_skip(request.config, _SKIPPED)
    with opened() as page:
        yield page


@pytest.fixture
def page(_browser: Page) -> Iterator[Page]:
    """A browser; a page that complained in its console fails the test."""
    yield _browser
    assert _browser.complaints() == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not run, and how to run it."""
    if config.stash.get(_SKIPPED, False):
        terminalreporter.write_line(f"No browser: the pages were not looked at. {REMEDY}.", yellow=True)
