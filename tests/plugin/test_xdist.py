"""Several workers: each has servers of its own, and the user hears of them once."""

from __future__ import annotations

import json

from tests.plugin.suite import Suite, lines_with


def test_workers_share_the_work_and_speak_once(suite: Suite, engine: str) -> None:
    """Both workers run tests, the header is printed once, the report has every request, and nothing stays behind."""
    suite.settings(using=["xdist"])

    result = suite.run(
        """
        import pytest
        @pytest.mark.parametrize("number", range(3))
        @pytest.mark.mtls(verify=["off", "on"])
        def test_it(mtls_nginx, mtls_ca, number, running_nginx):
            assert mtls_nginx.request(credential=mtls_ca.issue_client("alice")).accepted
            assert running_nginx() == 1
        def test_private(mtls_nginx_factory):
            mtls_nginx_factory().request()
            assert False
        """,
        *("-n", "2", "--mtls-report=report.json"),
        engine=engine,
    )

    result.assert_outcomes(passed=6, failed=1)
    (line,) = lines_with(result, "mtls: nginx ")
    assert f"in engine {engine}" in line
    assert len(lines_with(result, "mtls: 7 requests in report.json")) == 1
    assert len(lines_with(result, "nginx configuration of https://")) == 1
    seen = json.loads((suite.folder / "report.json").read_text())["observations"]
    assert sorted({each["test"] for each in seen}) == [
        *(f"test_it.py::test_it[{verify}-{number}]" for verify in ("off", "on") for number in range(3)),
        "test_it.py::test_private",
    ]
    assert len(suite.processes) == 3
    assert suite.left_behind() == []


def test_a_suite_that_uses_none_is_silent(suite: Suite) -> None:
    """With workers as without."""
    suite.settings(using=["xdist"])

    result = suite.run("def test_plain(): ...", "-n", "2")

    result.assert_outcomes(passed=1)
    assert not lines_with(result, "mtls: ")
