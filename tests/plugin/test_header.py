"""The line of a session that says which engine, which nginx, which OpenSSL, and why."""

from __future__ import annotations

import re

import pytest

from pytest_mtls import __version__
from tests.plugin.suite import Suite, lines_with

USES_IT = """
    def test_it(mtls_nginx):
        print(f"[{mtls_nginx.version}] [{mtls_nginx.openssl_version}]")
"""
UNUSED = "def test_plain(): ..."


def _header(result: pytest.RunResult) -> list[str]:
    return lines_with(result, "mtls: ")


def test_it_names_engine_nginx_openssl_and_the_reason(suite: Suite, engine: str) -> None:
    """One line, and what it says is what the servers of the session say of themselves."""
    result = suite.run(USES_IT, "-rP", engine=engine)

    result.assert_outcomes(passed=1)
    (line,) = _header(result)
    said = re.fullmatch(r"mtls: nginx (\S+) \(OpenSSL (\S+)\) in engine (\w+): (.+) \(asked for\)", line)
    assert said, line
    assert f"[{said[1]}] [{said[2]}]" in result.outlines
    assert said[3] == engine
    assert said[4] == "nginx as a plain process" if engine == "process" else "API" in said[4]


def test_it_says_why_where_the_choice_was_left_open(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """``auto`` without an engine: plain processes, and the address that was looked at."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{suite.folder}/nobody")

    result = suite.run(USES_IT, engine=None)

    result.assert_outcomes(passed=1)
    (line,) = _header(result)
    assert "in engine process" in line
    assert f"(no container engine answers at unix://{suite.folder}/nobody: " in line


def test_a_suite_without_servers_has_none(suite: Suite) -> None:
    """The plugin is silent where none of its fixtures is used."""
    result = suite.run(UNUSED)

    result.assert_outcomes(passed=1)
    assert not _header(result)
    assert f"mtls-{__version__}" in result.stdout.str(), "the plugin is here all the same"


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "-q", "--no-header"])
def test_it_is_not_there_where_nothing_runs_or_little_is_to_be_said(suite: Suite, option: str) -> None:
    """Looking on asks no engine anything, and a quiet session stays quiet."""
    result = suite.run(USES_IT, option)

    assert result.ret == pytest.ExitCode.OK
    assert not _header(result)


def test_every_fixture_is_described(suite: Suite) -> None:
    """``pytest --fixtures`` says what each is for, with its scope, and asks no engine anything."""
    result = suite.run(USES_IT, "--fixtures")

    said = result.stdout.str()
    for name, scope in {
        "mtls_ca": " [session scope]",
        "mtls_credentials": " [session scope]",
        "mtls_engine": " [session scope]",
        "mtls_nginx": "",
        "mtls_nginx_factory": "",
    }.items():
        assert re.search(rf"^{name}{re.escape(scope)} -- .*\n    \S+", said, re.MULTILINE), name
    assert not _header(result)
