"""``pytest --mtls-audit``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_mtls.audit.catalogue import ATTACKS
from tests.audit.conftest import wrong
from tests.audit.mistakes.mistake import SOUND
from tests.plugin.suite import Suite, lines_with

_MINE = "def test_mine():\n    pass\n"
_FEW = ("-k", "bad-certificates or revoked-certificates or deep-chains")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite with a wrong configuration beside it."""
    made = Suite(pytester, monkeypatch)
    wrong(made.folder / "deploy")
    return made


def test_one_test_for_each_attack(suite: Suite) -> None:
    """Beside the suite's own; on one nginx, which is gone in the end; what fails says what was found."""
    shutil.copytree(SOUND / "company", suite.folder / "sound")

    result = suite.run(_MINE, "-v", "--mtls-audit=deploy/nginx.conf", "--mtls-audit=sound/nginx.conf", *_FEW)

    result.assert_outcomes(passed=5, failed=1, deselected=2 * len(ATTACKS) - 6 + 1)
    assert lines_with(result, "mtls-audit::deploy/nginx.conf::bad-certificates[bundled] FAILED")
    assert lines_with(result, "mtls-audit::sound/nginx.conf::bad-certificates[bundled] PASSED")
    assert lines_with(result, "critical condition-fails-open: A condition on")
    assert lines_with(result, "deploy/conf.d/hostile.conf:")
    assert lines_with(result, "repeat  pytest-mtls audit deploy/nginx.conf --only condition-fails-open --at")
    assert not lines_with(result, "audit_items.py")
    (line,) = lines_with(result, "mtls: not tried: deploy/nginx.conf: server ~^(?=a)b$")
    assert "no host name leads to it" in line
    assert suite.left_behind() == []


def test_what_fails_can_be_said(suite: Suite) -> None:
    """By the ini-file, which stands above the table in pyproject.toml; what fails nothing is told on request."""
    suite.settings("mtls_audit = deploy/nginx.conf", "mtls_audit_fail_on = note")
    (suite.folder / "pyproject.toml").write_text('[tool.pytest-mtls.audit]\nfail-on = "never"\n')
    notes = suite.run(_MINE, "-k", "revoked")
    notes.assert_outcomes(failed=1, deselected=len(ATTACKS))
    assert lines_with(notes, "note revocation-not-checked: Revoked clients get in")

    suite.settings("mtls_audit = deploy/nginx.conf")
    never = suite.run(_MINE, "-k", "bad-certificates", "-rP")
    never.assert_outcomes(passed=1, deselected=len(ATTACKS))
    assert lines_with(never, "Captured mTLS audit call")
    assert lines_with(never, "critical condition-fails-open")


def test_workers_share_them_out(suite: Suite) -> None:
    """One configuration goes to one worker, with --dist loadscope."""
    suite.settings(using=["xdist"])

    result = suite.run(_MINE, "-n2", "--dist=loadscope", "-v", "--mtls-audit=deploy/nginx.conf", *_FEW)

    result.assert_outcomes(passed=2, failed=1)
    workers = {line.split()[0] for line in lines_with(result, "mtls-audit::") if line.startswith("[gw")}
    assert len(workers) == 1
    assert len(lines_with(result, "mtls: not tried: deploy/nginx.conf: server ~^(?=a)b$")) == 1


@pytest.mark.parametrize(
    "option, said",
    [
        ("--mtls-audit=missing.conf", "--mtls-audit missing.conf: there is no such file"),
        ("--mtls-audit=deploy", "--mtls-audit deploy: that is a folder; name the main file in it"),
        ("--mtls-audit-fail-on=high", "invalid choice: 'high'"),
    ],
)
def test_what_cannot_be_is_a_usage_error(suite: Suite, option: str, said: str) -> None:
    """Before anything has run."""
    result = suite.run(_MINE, option)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert any(said in line for line in result.errlines)


@pytest.mark.parametrize(
    "text, table, said",
    [
        ("events {}\nhttp {\n", "", "nginx.conf:2: unexpected end of file"),
        ("events {}\nhttp { server { listen 80; } }\n", "protectd = []", "key='protectd' is not known"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_an_error_of_collection(
    suite: Suite, text: str, table: str, said: str
) -> None:
    """One line with file and line, and no traceback."""
    (suite.folder / "nginx.conf").write_text(text)
    (suite.folder / "pyproject.toml").write_text(f"[tool.pytest-mtls.audit]\n{table}\n")

    result = suite.run(_MINE, "--mtls-audit=nginx.conf")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert lines_with(result, said)
    assert not lines_with(result, "Traceback")


def test_a_configuration_that_nginx_refuses_is_tried_once(suite: Suite) -> None:
    """Each attack says so, in nginx's words and at the user's line."""
    path = Path(suite.folder / "nginx.conf")
    path.write_text(
        "events {}\nhttp { server { listen 443 ssl; ssl_certificate a; ssl_certificate_key b; no_such on; } }\n"
    )

    result = suite.run(_MINE, "--mtls-audit=nginx.conf", *_FEW)

    result.assert_outcomes(errors=3, deselected=len(ATTACKS) - 3 + 1)
    assert lines_with(result, 'unknown directive "no_such" in ')
    assert not lines_with(result, "audit_items.py")
