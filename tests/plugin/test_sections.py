"""What the report of a failing test says of nginx, and that no other report does."""

from __future__ import annotations

import re

import pytest

from tests.plugin.suite import Suite, lines_with


def _sections(result: pytest.RunResult) -> list[str]:
    return [line.strip("- ") for line in result.outlines if re.match(r"-+ (mTLS|nginx)", line)]


def test_a_failing_test_shows_outcome_log_and_configuration(suite: Suite, engine: str) -> None:
    """Three sections: the last outcome in prose, nginx's log of this test, and the configuration with line numbers."""
    result = suite.run(
        """
        def test_before(mtls_nginx):
            mtls_nginx.request("/before")
        def test_it(mtls_nginx):
            mtls_nginx.request("/first")
            outcome = mtls_nginx.request("/second")
            print("EXPLAINED", outcome.explain().splitlines()[0])
            assert outcome.accepted
        """,
        engine=engine,
    )

    result.assert_outcomes(passed=1, failed=1)
    outcome, log, configuration = _sections(result)
    assert outcome == "mTLS outcome"
    assert re.fullmatch(r"nginx log of https://localhost:\d+", log)
    assert re.fullmatch(r"nginx configuration of https://localhost:\d+", configuration)
    result.stdout.re_match_lines([r" *\d+ .*ssl_verify_client +on;"])
    said = result.stdout.str()
    assert said.count(lines_with(result, "EXPLAINED ")[-1].partition("EXPLAINED ")[2]) == 2
    shown = said.partition(log)[2].partition(configuration)[0]
    assert "/first" in shown
    assert "/second" in shown
    assert "/before" not in shown


def test_a_passing_test_shows_nothing(suite: Suite) -> None:
    """Not even where pytest prints what passing tests wrote."""
    result = suite.run("def test_it(mtls_nginx): mtls_nginx.request()", "-rP")

    result.assert_outcomes(passed=1)
    assert not _sections(result)


def test_every_server_of_the_test_is_shown(suite: Suite) -> None:
    """Also private ones, also one that was stopped, and also where nothing was asked of it."""
    result = suite.run("""
        def test_it(mtls_nginx, mtls_nginx_factory):
            mtls_nginx_factory(verify="off").request()
            mtls_nginx_factory(verify="optional").stop()
            assert False
    """)

    result.assert_outcomes(failed=1)
    titles = _sections(result)
    assert [title.partition(" of ")[0] for title in titles] == [
        *("nginx log", "nginx configuration"),
        *("mTLS outcome", "nginx log", "nginx configuration"),
        *("nginx log", "nginx configuration"),
    ]
    assert lines_with(result, "(nothing was logged during this test)")
    assert [line.split()[-1] for line in lines_with(result, "  ssl_verify_client ")] == ["on;", "off;", "optional;"]


def test_a_configuration_that_nginx_refuses_is_shown_with_its_reason(suite: Suite, engine: str) -> None:
    """The error carries nginx's own words and the configuration with line numbers, so that both can be put together."""
    result = suite.run(
        """
        import pytest
        @pytest.mark.mtls(directives="bogus on;")
        def test_it(mtls_nginx): ...
        """,
        engine=engine,
    )

    result.assert_outcomes(errors=1)
    said = result.stdout.str()
    found = re.search(r'unknown directive "bogus" in \S+:(\d+)', said)
    assert found
    assert re.search(rf"^E? +{found[1]} .*bogus on;", said, re.MULTILINE)
