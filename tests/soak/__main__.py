"""Run fifty tests a thousand times with two workers, in random order; stop at the first that fails.

``SOAK_RUNS`` says how many times, ``SOAK_SECONDS`` for how long at most, ``SOAK_ENGINES`` with which engines in turn
(by default plain processes four times, then containers once, where an engine answers).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Final

from pytest_mtls import EngineUnavailable
from pytest_mtls.engines.api import connect
from tests.faults.leftovers import Run

_RUNS: Final = int(os.environ.get("SOAK_RUNS", "1000"))
_SECONDS: Final = float(os.environ.get("SOAK_SECONDS", "inf"))
_ONE_RUN_SECONDS: Final = 120
_PASSED: Final = "50 passed"
_NOTED: Final = "processes"
_NOTING: Final = f"""
import os, pathlib

def pytest_configure(config):
    (config.rootpath / "{_NOTED}" / str(os.getpid())).touch()
"""


def _engines() -> list[str]:
    if asked := os.environ.get("SOAK_ENGINES"):
        return asked.split(",")
    try:
        connect().close()
    except EngineUnavailable as error:
        print(f"soak: plain processes alone, as {error}")
        return ["process"]
    return ["process"] * 4 + ["docker"]


def _run_once(folder: Path, engine: str, seed: int) -> str | None:
    """What went wrong, with everything that was printed; ``None`` where nothing did."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    options = ["-n", "2", f"--randomly-seed={seed}", f"--mtls-engine={engine}", f"--basetemp={folder}/pytest"]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-rA", *options, "test_soak.py"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said = process.communicate(timeout=_ONE_RUN_SECONDS)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return f"{process.communicate(timeout=10)[0]}\nIt did not end within {_ONE_RUN_SECONDS} s."
    if process.returncode != 0 or _PASSED not in said:
        return said
    try:
        Run.of_processes(temporary, lambda: {int(each.name) for each in (folder / _NOTED).iterdir()}).nothing_left()
    except AssertionError as left:
        return f"{said}\n{left}"
    return None


def main() -> int:
    """Run it; returns the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    shutil.copy(Path(__file__).with_name("suite.py"), folder / "test_soak.py")
    (folder / _NOTED).mkdir()
    (folder / "conftest.py").write_text(_NOTING)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:asyncio\n")
    done: Counter[str] = Counter()
    started = time.monotonic()
    for number, engine in zip(range(1, _RUNS + 1), cycle(_engines()), strict=False):
        failure = _run_once(folder, engine, seed=number)
        if failure is not None:
            output = folder / "failure.txt"
            output.write_text(failure)
            print(f"\nsoak: run {number} ({engine}, seed {number}) failed after {number - 1} that did not: {output}")
            return 1
        done[engine] += 1
        took = time.monotonic() - started
        counted = ", ".join(f"{count} {name}" for name, count in done.items())
        line = f"soak: {number} of {_RUNS} runs without a failure ({counted}), {took:.0f} s"
        print(f"\r{line}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)
        if took > _SECONDS:
            break
    print()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
