"""The plugin's options and their ini twins, read and checked. Loads nothing: every session has it, used or not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import pytest

ENGINES: Final = ("auto", "docker", "process")
"""What ``--mtls-engine`` may be; the first is the default."""

MISSING: Final = ("error", "skip")
"""What ``--mtls-missing`` may be; the first is the default."""

FAIL_ON: Final = ("note", "warning", "critical", "never")
"""What ``--mtls-audit-fail-on`` may be."""

ALL: Final = "all"
"""What ``--mtls-scenarios`` is without a name."""


def add_options(parser: pytest.Parser) -> None:
    """Make the options known, each with its ini twin.

    The help shows paths behind an equals sign: pytest looks for its ini-file before it knows any plugin's option, and
    takes a path that stands alone for a folder of tests (``_pytest.config.findpaths.get_dirs_from_args``).
    """
    group = parser.getgroup("mtls", "client certificates on a real nginx (pytest-mtls)")
    group.addoption(
        "--mtls-engine",
        choices=ENGINES,
        help="runs nginx: a container engine, plain processes, or whichever is here (auto, the default)",
    )
    group.addoption(
        "--mtls-nginx",
        action="append",
        default=[],
        metavar="NAME",
        help="which nginx: bundled (the default), a Debian release's (bullseye, bookworm, trixie, forky), an image, "
        "or a binary (--mtls-nginx=PATH, with the equals sign); repeat it to run the suite on each",
    )
    group.addoption(
        "--mtls-missing",
        choices=MISSING,
        help="what becomes of a test whose nginx lacks what it asks, such as OCSP or stream: an error (the default), "
        "or a skip with the reason",
    )
    group.addoption(
        "--mtls-report",
        metavar="FILE",
        help="write what every request showed to FILE.html or FILE.json (--mtls-report=FILE, with the equals sign)",
    )
    group.addoption(
        "--mtls-keep", action="store_true", help="leave the servers up at the end; `pytest-mtls sweep` removes them"
    )
    group.addoption(
        "--mtls-timeout", metavar="SECONDS", help="how long starting or reloading nginx may take (default: 10)"
    )
    group.addoption(
        "--mtls-scenarios",
        nargs="?",
        const=ALL,
        metavar="NAME,...",
        help="run known regressions beside the tests: all, or those that are named (--mtls-scenarios=NAME,..., with "
        "the equals sign; `pytest-mtls scenarios` lists them)",
    )
    group.addoption(
        "--mtls-audit",
        action="append",
        default=[],
        metavar="NGINX.CONF",
        help="attack this configuration beside the tests, a test for each attack (--mtls-audit=PATH, with the equals "
        "sign); repeatable",
    )
    group.addoption(
        "--mtls-audit-fail-on",
        choices=FAIL_ON,
        help="which findings of an audit fail its tests: from this grade on (default: warning, or what "
        "[tool.pytest-mtls.audit] in pyproject.toml says)",
    )
    parser.addini("mtls_engine", "twin of --mtls-engine")
    parser.addini("mtls_nginx", "twin of --mtls-nginx, one name a line", type="linelist")
    parser.addini("mtls_missing", "twin of --mtls-missing")
    parser.addini("mtls_report", "twin of --mtls-report")
    parser.addini("mtls_scenarios", "twin of --mtls-scenarios")
    parser.addini("mtls_audit", "twin of --mtls-audit, one path a line", type="linelist")
    parser.addini("mtls_audit_fail_on", "twin of --mtls-audit-fail-on")
    parser.addini("mtls_keep", "twin of --mtls-keep", type="bool", default=False)
    parser.addini("mtls_timeout", "twin of --mtls-timeout")


def option(config: pytest.Config, name: str) -> Any:
    """A command line option, else its ini twin, else ``None``."""
    value = config.getoption(f"mtls_{name}")
    if value in (None, [], False):
        value = config.getini(f"mtls_{name}") or value
    return value or None


def engine_name(config: pytest.Config) -> str:
    """Which engine is asked for."""
    return str(option(config, "engine") or ENGINES[0])


def nginx_names(config: pytest.Config) -> list[str]:
    """Which nginx the suite runs on."""
    return list(option(config, "nginx") or ())


def skips_missing(config: pytest.Config) -> bool:
    """Whether a test whose nginx lacks what it asks is skipped."""
    return bool(option(config, "missing") == "skip")


def scenario_names(config: pytest.Config) -> list[str] | None:
    """Which scenarios are to be run, none for all; ``None`` where none are."""
    given = option(config, "scenarios")
    if given is None:
        return None
    return [name for each in str(given).split(",") if (name := each.strip()) not in ("", ALL)]


def audited(config: pytest.Config) -> dict[str, Path]:
    """The configurations that are to be attacked: as they were named, and where they are.

    Those of the command line are relative to where pytest was called, those of the ini-file to its folder.
    """
    named, folder = config.getoption("mtls_audit"), config.invocation_params.dir
    if not named:
        named, folder = config.getini("mtls_audit"), (config.inipath or config.rootpath / "-").parent
    return {name: folder / name for name in named}


def audit_fail_on(config: pytest.Config) -> str | None:
    """The grade of findings that fail; ``None`` where that was left open."""
    given: str | None = option(config, "audit_fail_on")
    return given


def timeout(config: pytest.Config) -> float | None:
    """How long starting or reloading nginx may take, in seconds; ``None`` where that was left open.

    Raises:
        pytest.UsageError: that is no time.
    """
    given = option(config, "timeout")
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise pytest.UsageError(f"--mtls-timeout: {given!r} is not a number of seconds above 0.")
    return seconds


def check(config: pytest.Config) -> None:
    """Refuse values that cannot be, before anything has run.

    Raises:
        pytest.UsageError: there is one.
    """
    for name, allowed in (("engine", ENGINES), ("missing", MISSING), ("audit_fail_on", FAIL_ON)):
        if (value := option(config, name)) not in (None, *allowed):
            from pytest_mtls.errors import InvalidArgument

            raise pytest.UsageError(str(InvalidArgument.not_one_of(f"--mtls-{name.replace('_', '-')}", value, allowed)))
    timeout(config)
    for name, path in audited(config).items():
        if not path.is_file():
            what = "that is a folder; name the main file in it" if path.is_dir() else f"there is no such file ({path})"
            raise pytest.UsageError(f"--mtls-audit {name}: {what}.")
    if names := scenario_names(config):
        from pytest_mtls.errors import InvalidArgument
        from pytest_mtls.stage.catalogue import chosen

        try:
            chosen(names)
        except InvalidArgument as error:
            raise pytest.UsageError(
                f"--mtls-scenarios: {error} (To run all of them beside tests that are named, write "
                "--mtls-scenarios=all.)"
            ) from None
    if path := option(config, "report"):
        from pytest_mtls.errors import InvalidArgument
        from pytest_mtls.report.files import check_name

        try:
            check_name(path)
        except InvalidArgument as error:
            raise pytest.UsageError(str(error)) from None
