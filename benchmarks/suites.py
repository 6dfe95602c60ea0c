"""Rows about whole suites: two workers against none, and memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Comparison, Limit, Row, Samples, Unit, alternate
from benchmarks.place import Place

_SECONDS = 300
_OTHERS = ("anyio", "asyncio", "hypothesispytest", "randomly")
"""Plugins that are here because this project's suite uses them: each worker would load them anew, which takes longer
than all else that it does before its first test."""
_SUITE = """
import pytest

MODES = ["on", "optional", "optional_no_ca", "off"]


@pytest.mark.parametrize("number", range(50))
@pytest.mark.mtls(verify=MODES)
def test_it(mtls_nginx, mtls_credentials, number):
    for state, credential in list(mtls_credentials.items())[:8]:
        outcome = mtls_nginx.request(credential=credential)
        assert outcome.matches(mtls_nginx.expected(state))
"""


def _suite(place: Place, folder: Path, options: Sequence[str]) -> float:
    without = [part for name in ("cacheprovider", *_OTHERS) for part in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", *without, "--mtls-engine=process", *options]
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=place.environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    took = time.perf_counter() - begun
    if done.returncode or "200 passed" not in done.stdout:
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def _workers(place: Place) -> Samples:
    with place.folder() as folder:
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_it.py").write_text(_SUITE)
        return alternate(
            lambda: _suite(place, folder, ["-n", "0"]), lambda: _suite(place, folder, ["-n", "2"]), rounds=3
        )


def _memory(place: Place) -> Samples:
    def side(name: str, *arguments: str) -> float:
        command = [sys.executable, "-m", "benchmarks.memory", name, *arguments]
        done = subprocess.run(
            command, env=place.environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode:
            raise RuntimeError(f"benchmarks.memory {name} failed:\n{done.stderr}")
        return float(done.stdout.splitlines()[-1])

    def bare() -> float:
        with place.folder() as folder:
            return side("bare", str(place.binary), str(folder))

    return alternate(lambda: side("ours"), bare, rounds=3)


ROWS = (
    Row(
        name="workers",
        what="200 tests over 4 modes, -n 0",
        against="the same, -n 2",
        limits=[Limit(Comparison.RATIO)],
        measure=_workers,
        unit=Unit.SECONDS,
    ),
    Row(
        name="memory",
        what="pytest session, four modes have answered",
        against="pytest without it, and one nginx, four listeners",
        limits=[Limit(Comparison.ADDED, 40e6)],
        measure=_memory,
        unit=Unit.MEGABYTES,
    ),
)
