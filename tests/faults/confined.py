"""A script run with less of something: a small disk, few files, a network of its own.

Given the engine, it opens a harness and calls what the test wrote as ``fault(harness)``; namespaces (``unshare(1)``)
keep to that process what is done to its disk or network.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.faults.leftovers import Run

_SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.4

_AROUND: Final = """
import os, pathlib, pytest, resource, socket, subprocess, sys, tempfile, time
from pytest_mtls import *
from pytest_mtls.engines.limits import *

temporary = pathlib.Path(os.environ["TMPDIR"])

def sh(command):
    subprocess.run(command, shell=True, check=True, timeout=10)

{fault}

if __name__ == "__main__":
    {before}
    with Harness.open(sys.argv[1], timeout=4) as harness:
        fault(harness)
    left = [each.name for each in temporary.rglob("*") if each.name != "filler"]
    assert not left, left
    print("done")
"""


class Confined:
    """A process for one fault.

    Args:
        folder: its TMPDIR.

    Attributes:
        run: what is counted of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pids: set[int] = set()
        self.run = Run.of_processes(folder, lambda: self._pids)

    def end_in_order(
        self,
        engine: str,
        fault: str,
        *,
        before: str = "pass",
        namespaces: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run it, and fail where it does not get to its end.

        Args:
            engine: ``docker`` or ``process``.
            fault: source that defines ``fault(harness)``.
            before: a statement that comes first.
            namespaces: options of unshare.
            environment: further variables.
        """
        script = self._folder.parent / "fault.py"
        script.write_text(_AROUND.format(fault=textwrap.dedent(fault), before=before))
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        confined = ["unshare", *as_root, *namespaces] if namespaces else []
        with subprocess.Popen(
            [*confined, sys.executable, "-W", "error", str(script), engine],
            cwd=Path(__file__).parent.parent.parent,
            env={**os.environ, "TMPDIR": str(self._folder), "PYTHONPATH": os.getcwd(), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            self._pids.add(process.pid)
            said = self._count_until_it_ends(process)
        assert (process.returncode, said.strip()) == (0, "done"), said

    def _count_until_it_ends(self, process: subprocess.Popen[str]) -> str:
        deadline = time.monotonic() + _SECONDS
        try:
            while time.monotonic() < deadline:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.communicate(timeout=_LOOK_SECONDS)[0]
                self.run.left()
            raise AssertionError(f"it did not end within {_SECONDS} s")
        finally:
            process.kill()
