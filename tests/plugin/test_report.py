"""``--mtls-report``: every request of a suite in one file, for people or for machines."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

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
    result.stdout.fnmatch_lines(["mtls: 5 requests in made/report.json"])
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


class _Cells(HTMLParser):
    """The texts of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self._inside = tag in ("td", "th")
        if self._inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def test_html_is_one_table_and_what_users_wrote_stays_text(suite: Suite) -> None:
    """A heading, a row for each request, nothing loaded from elsewhere, and a name with angle brackets is no markup."""
    suite.run(SOURCE, "--mtls-report=report.html")

    text = (suite.folder / "report.html").read_text()
    cells = _Cells()
    cells.feed(text)
    header, *rows = cells.rows
    assert (len(rows), {len(row) for row in rows}) == (5, {len(header)})
    assert rows[-1][-1] == "test_it.py::test_private[<b>bold</b>]"
    assert dict(zip(header, rows[1], strict=True))["internally"] == "496"
    assert "<b>" not in text
    assert "http://" not in text
    assert "https://" not in text


def test_a_suite_without_requests_has_an_empty_one(suite: Suite) -> None:
    """Whoever collects reports finds one, also where every test was deselected or asked nothing."""
    suite.run("def test_it(mtls_ca): ...", "--mtls-report=report.json")

    assert json.loads((suite.folder / "report.json").read_text()) == {"observations": []}
