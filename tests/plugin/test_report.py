"""``--mtls-report``: every request of a suite in one file, for people or for machines."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from pytest_mtls import CredentialState, Harness, VerifyMode
from pytest_mtls.report.record import Observation
from tests.plugin.suite import Suite

SOURCE = """
    import pytest

    @pytest.mark.mtls(verify=["on", "optional"])
    def test_it(mtls_nginx, mtls_ca, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        mtls_nginx.request(credential=mtls_ca.issue_client("alice"))
        mtls_nginx.request()

    @pytest.mark.parametrize("word", ["<b>bold</b>"])
    def test_private(mtls_nginx_factory, word):
        mtls_nginx_factory(verify="off").request()
        assert False, "a failing test is reported too"
"""


@pytest.mark.parametrize("twin", [False, True], ids=["option", "ini"])
def test_json_has_every_request(suite: Suite, twin: bool) -> None:
    """Of passing and failing tests, of shared and private servers, in order; in a folder that is made for it."""
    if twin:
        suite.settings("mtls_report = made/report.json")

    result = suite.run(SOURCE, *(() if twin else ("--mtls-report=made/report.json",)))

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["mtls: 5 requests in made/report.json; *"])
    seen: list[dict[str, Any]] = json.loads((suite.folder / "made" / "report.json").read_text())["observations"]
    assert [(each["test"], each["mode"], each["accepted"], each["internal_status"]) for each in seen] == [
        ("test_it.py::test_it[on]", "on", True, None),
        ("test_it.py::test_it[on]", "on", False, 496),
        ("test_it.py::test_it[optional]", "optional", True, None),
        ("test_it.py::test_it[optional]", "optional", True, None),
        ("test_it.py::test_private[<b>bold</b>]", "off", True, None),
    ]
    assert seen[0]["credential"] == "CN=alice"
    assert seen[1]["credential"] is None
    assert {(each["verify"], each["layer"], each["tls_version"]) for each in seen[:2]} == {
        ("SUCCESS", "http", "1.3"),
        ("NONE", "http", "1.3"),
    }


def test_json_says_which_cells_nobody_tested(suite: Suite) -> None:
    """A cell is a credential of the cast in a mode; the suite's own are listed too, and stand for none of them."""
    result = suite.run(
        """
        import pytest

        @pytest.mark.mtls(verify="optional")
        def test_cast(mtls_nginx, mtls_credentials):
            for state in ("none", "expired", "expired"):
                mtls_nginx.request(credential=mtls_credentials[state])

        def test_own(mtls_nginx, mtls_ca):
            mtls_nginx.request(credential=mtls_ca.issue_client("alice"))
        """,
        "--mtls-report=report.json",
    )

    report = json.loads((suite.folder / "report.json").read_text())
    every = [{"mode": str(mode), "credential": str(state)} for state in CredentialState for mode in VerifyMode]
    tested = [{"mode": "optional", "credential": "none"}, {"mode": "optional", "credential": "expired"}]
    assert report["untested"] == [cell for cell in every if cell not in tested]
    assert report["coverage"] == [
        {
            "mode": "on",
            "credential": "own credentials",
            "requests": 1,
            "outcomes": ["200 SUCCESS"],
            "tests": ["test_it.py::test_own"],
        },
        {
            "mode": "optional",
            "credential": "none",
            "requests": 1,
            "outcomes": ["200 NONE"],
            "tests": ["test_it.py::test_cast"],
        },
        {
            "mode": "optional",
            "credential": "expired",
            "requests": 2,
            "outcomes": ["400 (495) certificate_expired"],
            "tests": ["test_it.py::test_cast"],
        },
    ]
    result.stdout.fnmatch_lines([f"*; {len(every) - 2} of {len(every)} cells (mode by credential) nobody tested"])


@pytest.mark.parametrize("state", CredentialState, ids=str)
def test_each_of_the_cast_is_known_by_its_subject(process_harness: Harness, state: CredentialState) -> None:
    """Also where nginx never saw it."""
    server = process_harness.nginx(verify="optional")
    outcome = server.request(credential=process_harness.credentials[state])

    assert Observation.of("test", outcome).state is state


class _Cells(HTMLParser):
    """The texts of each table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self._inside = True
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.tables[-1][-1][-1] += data


def test_html_has_every_cell_and_every_request(suite: Suite) -> None:
    """Nothing is loaded from elsewhere, and a name with angle brackets is no markup."""
    suite.run(SOURCE, "--mtls-report=report.html")

    text = (suite.folder / "report.html").read_text()
    cells = _Cells()
    cells.feed(text)
    (modes, *matrix), (header, *rows) = cells.tables
    assert modes[1:] == [str(mode) for mode in VerifyMode]
    assert len(matrix) == 1 + len(CredentialState)
    assert matrix[0][1:] == ["", "200 SUCCESS", "200 SUCCESS", ""]
    assert matrix[1][1:] == ["200 NONE", "400 (496) no_certificate", "200 NONE", "not tested"]
    assert matrix[2][1:] == ["not tested"] * 4
    assert (len(rows), {len(row) for row in rows}) == (5, {len(header)})
    assert rows[-1][0] == "test_it.py::test_private[<b>bold</b>]"
    assert dict(zip(header, rows[1], strict=True))["internally"] == "496"
    assert "<b>" not in text
    assert "http://" not in text
    assert "https://" not in text


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_suite_without_requests_has_an_empty_one(suite: Suite, form: str) -> None:
    """Whoever collects reports finds one, also where every test was deselected or asked nothing."""
    suite.run("def test_it(mtls_ca): ...", f"--mtls-report=report.{form}")

    text = (suite.folder / f"report.{form}").read_text()
    if form == "html":
        assert text.count("not tested") == 4 * len(CredentialState)
    else:
        report = json.loads(text)
        assert (report["observations"], report["coverage"]) == ([], [])
        assert len(report["untested"]) == 4 * len(CredentialState)
