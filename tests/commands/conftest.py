"""Running the command line: in this process, and as a user does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls.cli import main
from pytest_mtls.deadline import Deadline, wait_until


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for machines."""
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs a command in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return run


class Served:
    """A command in a process of its own, with a temporary folder of its own so that what it leaves can be seen."""

    def __init__(self, arguments: tuple[object, ...], folder: Path) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self._out, self._err = folder / "out", folder / "err"
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest_mtls", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "TMPDIR": str(self.temporary)},
                # A test session under a shell's `&` ignores SIGINT, and children inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    @property
    def out(self) -> str:
        """What it printed so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """What it printed to standard error so far."""
        return self._err.read_text()

    def wait_for(self, find: Callable[[str], Any], awaited: str) -> Any:
        """Wait until its output so far has something."""

        def look() -> Any:
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.out}{self.err}")
            return find(self.out)

        return wait_until(look, Deadline.after(20), awaited=awaited, last_seen=lambda: self.out + self.err)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def left(self) -> list[str]:
        """What is still there of it: files, and processes that name its temporary folder."""
        return [*(str(each) for each in self.temporary.glob("pytest-mtls-*")), *_processes_naming(self.temporary)]


def _processes_naming(folder: Path) -> Iterator[str]:
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
        except OSError:
            continue
        if str(folder).encode() in command:
            yield command.replace(b"\0", b" ").decode()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts a command in a process of its own, with the process engine."""
    started: list[Served] = []

    def start(*arguments: object) -> Served:
        folder = tmp_path / f"run-{len(started)}"
        folder.mkdir()
        started.append(Served((*arguments, "--engine", "process"), folder))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait(5)
