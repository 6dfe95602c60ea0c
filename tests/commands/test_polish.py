"""What people look at: every command's help, mistakes, and output on a terminal of eighty columns, without colours."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mtls import cli
from pytest_mtls.deadline import Deadline
from tests.commands.conftest import Ran

Run = Callable[..., Ran]
COLUMNS = 80
SECONDS = 60
ROOT = Path(__file__).parents[2]
CONFIGURATION = str(ROOT / "examples" / "internal_api" / "deploy" / "nginx.conf")


def commands() -> list[str]:
    """All there are."""
    return [name for action in cli._parser()._actions if action.dest == "command" for name in action.choices or ()]


SHOWN: dict[str, list[str]] = {
    "audit": ["audit", CONFIGURATION, "--engine", "process", "--only", "forged-headers"],
    "compare": ["compare", CONFIGURATION, CONFIGURATION, "--engine", "process"],
    "clients": ["clients", "--help"],
    "config": ["config", "--config", CONFIGURATION, "--changes"],
    "demo": ["demo", "--help"],
    "doctor": ["doctor"],
    "explain": ["explain", "error.log"],
    "export": ["export", "reproducer", "--engine", "process"],
    "mint": ["mint", "certs", "--client", "alice", "--crl"],
    "scenarios": ["scenarios"],
    "serve": ["serve", "--help"],
    "sweep": ["sweep", "--dry-run"],
    "table": ["table", "--credential", "expired", "--credential", "valid", "--nginx", "bundled", "--engine", "process"],
}
"""The quickest of each that says what it always says. ``demo`` prints what pytest does, ``serve`` commands to paste."""

MISTAKEN = {
    "table": (["table", "--credential", "expird"], "Did you mean 'expired'?"),
    "mint-key": (["mint", "certs", "--key-type", "rsa2048"], "Did you mean 'rsa-2048'?"),
    "mint-state": (["mint", "certs", "--state", "revokd"], "Did you mean 'revoked'?"),
    "serve": (["serve", "--verify", "optonal"], "Did you mean 'optional'?"),
    "engine": (["demo", "--engine", "proces"], "Did you mean 'process'?"),
    "command": (["tabel"], "Did you mean 'table'?"),
    "situation": (["table", "--situation", "crl-expird"], "Did you mean 'crl-expired'?"),
    "scenario": (["scenarios", "run", "crl-expird"], "Did you mean 'crl-expired'"),
    "attack": (["audit", CONFIGURATION, "--only", "forged-header"], "Did you mean 'forged-headers'"),
}


def on_a_terminal(arguments: list[str], folder: Path, *, until: bytes | None = None, **environment: str) -> str:
    """All that it prints on a terminal of eighty columns, or what it does until then."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_mtls", *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=folder,
        env={**kept, "TERM": "xterm", **environment},
        close_fds=True,
    )
    os.close(its)
    deadline, said = Deadline.after(SECONDS), b""
    try:
        while select.select([ours], [], [], deadline.remaining)[0]:
            said += os.read(ours, 65536)
            if until and re.search(until, said):
                process.kill()
                break
    except OSError:
        pass  # EIO: the other end is closed
    finally:
        if deadline.remaining <= 0:
            process.kill()
        process.wait(5)
        os.close(ours)
    return said.decode()


def too_wide(text: str) -> list[str]:
    """Lines that do not fit, though they could be broken: a command after an arrow and one long word cannot."""
    lines = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
    return [line for line in lines if len(line) > COLUMNS and len(line.split()) > 1 and "→" not in line]


def test_each_command_is_looked_at() -> None:
    """A new one too."""
    assert set(commands()) <= set(SHOWN)


@pytest.mark.parametrize("command", commands())
def test_the_help_fits_and_has_examples_that_can_be_given(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within eighty columns; what is pasted from it is understood."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    said = run(command, "--help").out

    assert [line for line in said.splitlines() if len(line) > COLUMNS] == []
    assert "--json" in said
    examples = said.partition("example:\n")[2].replace("\\\n", " ").splitlines()
    ours = [line.split("|")[0].split("&&")[0].split() for line in examples if line.lstrip().startswith("pytest-mtls")]
    assert any(words[1] == command for words in ours)
    for words in ours:
        cli._parser().parse_args(words[1:])


@pytest.mark.parametrize("command", commands())
def test_output_fits_a_terminal_and_keeps_its_colours_to_itself(tmp_path: Path, command: str) -> None:
    """On a pty of eighty columns with NO_COLOR: no line is too long, and none commands the terminal."""
    (tmp_path / "error.log").write_text("nothing that nginx says\n")

    # What `doctor` says of an engine that is not there is the longer text, and the quicker one.
    said = on_a_terminal(SHOWN[command], tmp_path, NO_COLOR="1", DOCKER_HOST=f"unix://{tmp_path}/no.sock")

    assert said.strip()
    assert "Traceback" not in said
    assert too_wide(said) == []
    assert "\033[" not in said.replace("\r\033[K", "")  # where a line of progress was taken away


def test_a_terminal_has_colours_otherwise(tmp_path: Path) -> None:
    """Or else the test above could not fail."""
    assert "\033[1m" in on_a_terminal(SHOWN["scenarios"], tmp_path)


@pytest.mark.parametrize("arguments, hint", MISTAKEN.values(), ids=list(MISTAKEN))
def test_a_misspelt_value_is_answered_with_what_was_meant(
    run: Run, arguments: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever checks it: argparse or this package."""
    monkeypatch.chdir(tmp_path)

    ran = run(*arguments)

    assert ran.status == 2
    assert hint in re.sub(r"\s+", " ", ran.err)
    assert list(tmp_path.iterdir()) == []


def test_what_takes_long_says_how_far_it_is(tmp_path: Path) -> None:
    """On a terminal, once two seconds are over."""
    names = [f"client-{number}" for number in range(100)]
    arguments = ["mint", "certs", "--key-type", "rsa-3072", "--client", *names]

    said = on_a_terminal(arguments, tmp_path, until=rb"\r\d+ of 100 credentials \.\.\.")

    assert said.endswith(" of 100 credentials ...")
    assert not (tmp_path / "certs").exists()
