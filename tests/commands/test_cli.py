"""The command line as a whole: quick, documented, and silent about its insides."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from pytest_mtls import __version__
from tests.commands.conftest import Ran

Run = Callable[..., Ran]


def test_it_says_its_version(run: Run) -> None:
    """As ``pytest-mtls --version`` and as ``python -m pytest_mtls --version``."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest_mtls", "--version"], capture_output=True, text=True, timeout=20
    )

    assert run("--version").out == done.stdout == f"pytest-mtls {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["tabel"], ["demo", "--engine", "vm"]])
def test_what_it_does_not_know_is_a_usage_error(run: Run, arguments: list[str]) -> None:
    """The exit status is 2, and what there is is named."""
    ran = run(*arguments)

    assert ran.status == 2
    assert "usage: pytest-mtls" in ran.err


def test_asking_for_help_loads_nothing_heavy() -> None:
    """Neither pytest, nor cryptography, nor the docker SDK is needed to say what there is."""
    script = (
        "import sys\nfrom pytest_mtls.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pytest', 'cryptography', 'docker', 'requests', 'httpx', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error_to_talk_about() -> None:
    """``pytest-mtls config | true`` prints no traceback."""
    command = f"{sys.executable} -m pytest_mtls config | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=20)

    assert done.stderr == ""
