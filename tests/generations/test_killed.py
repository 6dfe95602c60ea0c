"""A build whose process is killed does not go on for nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from pytest_mtls.generations import Root

_BUILD = "from pytest_mtls.generations import GENERATIONS, provide; provide(GENERATIONS['bookworm'])"


def _working_in(folder: Path) -> list[int]:
    """Processes that name that folder on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and os.fsencode(folder) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def test_what_it_started_ends_with_it(tmp_path: Path, bookworm: Root) -> None:
    """mmdebstrap and all below it, within two seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BUILD],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not _working_in(tmp_path):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)

    process.kill()
    process.wait(5)

    deadline = time.monotonic() + 2
    while (left := _working_in(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []
