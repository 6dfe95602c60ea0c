"""``[tool.pytest-mtls.audit]``."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mtls import InvalidArgument
from pytest_mtls.audit.declared import FAIL_ON, Declared, declared_for
from pytest_mtls.audit.finding import Grade
from pytest_mtls.options import FAIL_ON as OF_THE_PLUGIN

TABLE = '[tool.pytest-mtls.audit]\nprotected = ["/api"]\npublic = ["/health"]\nfail-on = "critical"\n'
SAID = Declared(("/api",), ("/health",), "critical")


@pytest.mark.parametrize("where", ["deploy", ".", "work"])
def test_the_nearest_table_counts(tmp_path: Path, where: str) -> None:
    """Next to the configuration or above it, else where one is; a pyproject.toml without the table is passed over."""
    for name in ("deploy/nginx", "work/inner"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "deploy/nginx/pyproject.toml").write_text("[tool.other]\n")
    (tmp_path / where / "pyproject.toml").write_text(TABLE)

    assert declared_for(tmp_path / "deploy/nginx/nginx.conf", tmp_path / "work/inner") == SAID


def test_without_one_the_defaults_hold(tmp_path: Path) -> None:
    """Warnings fail."""
    assert declared_for(tmp_path / "nginx.conf", tmp_path) == Declared()
    assert Declared().threshold is Grade.WARNING
    assert Declared(fail_on="never").threshold is None


def test_the_command_line_adds_and_wins() -> None:
    """A prefix that it says otherwise of is what it says."""
    assert SAID.with_more(["/admin", "/health"], ["/status"], "note") == Declared(
        ("/admin", "/health", "/api"), ("/status",), "note"
    )
    assert SAID.with_more() == SAID


def test_the_plugin_knows_the_same_grades() -> None:
    """It loads nothing, so it has a list of its own."""
    assert FAIL_ON == OF_THE_PLUGIN


@pytest.mark.parametrize(
    "text, said",
    [
        ('[tool.pytest-mtls.audit]\nprotectd = ["/api"]', r"key='protectd' is not known.*Did you mean 'protected'\?"),
        ('[tool.pytest-mtls.audit]\nprotected = "/api"', r"protected is a list of texts.* not '/api'"),
        ("[tool.pytest-mtls.audit]\npublic = [1]", r"public is a list of texts"),
        ('[tool.pytest-mtls.audit]\nfail-on = "high"', r"fail-on='high' is not known"),
        ("[tool.pytest-mtls.audit]\nfail-on = 3", r"fail-on=3 is not known"),
        ('[tool.pytest-mtls.audit]\nprotected = ["/a b"]', r"'/a b' is no prefix"),
        ('[tool.pytest-mtls.audit]\nprotected = ["/a"]\npublic = ["/a"]', r"both name '/a'"),
        ("[tool.pytest-mtls]\naudit = 1", r"tool\.pytest-mtls\.audit is not a table"),
        ("tool = 1", r"tool is not a table"),
        ("[tool]\na = \n", r"is not TOML: .*line 2"),
    ],
)
def test_what_cannot_be_names_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    """One line."""
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(InvalidArgument, match=said) as refused:
        declared_for(tmp_path / "nginx.conf", tmp_path)

    assert str(refused.value).startswith(str(tmp_path / "pyproject.toml"))
    assert "\n" not in str(refused.value)


def test_both_on_the_command_line_is_refused() -> None:
    """It is one or the other."""
    with pytest.raises(InvalidArgument, match="--protected and --public both name '/a'"):
        Declared().with_more(["/a"], ["/a"])
