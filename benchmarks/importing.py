"""Rows about what the plugin costs a suite that does not use it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

from benchmarks.measure import Comparison, Limit, Row, Samples, alternate
from benchmarks.place import Place

_NO_TESTS_COLLECTED = 5
_SECONDS = 60
_ROUNDS = 30


def _empty_suite(folder: Path, options: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds for a whole run of pytest, with the interpreter's start and end."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    took = time.perf_counter() - begun
    if done.returncode != _NO_TESTS_COLLECTED:
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def _added(place: Place, *, with_it: Sequence[str], without: Sequence[str], settings: dict[str, str]) -> Samples:
    environment = place.environment | settings
    with place.folder() as folder:
        (folder / "pytest.ini").write_text("[pytest]\n")
        return alternate(
            partial(_empty_suite, folder, with_it, environment),
            partial(_empty_suite, folder, without, environment),
            rounds=_ROUNDS,
        )


def _installed(place: Place) -> Samples:
    # Whatever else is installed would be loaded on both sides, and its noise is larger than what is looked for.
    others = {entry.name for entry in entry_points(group="pytest11")} - {"mtls"}
    blocked = [option for name in sorted(others) for option in ("-p", f"no:{name}")]
    return _added(place, with_it=blocked, without=[*blocked, "-p", "no:mtls"], settings={})


def _named(place: Place) -> Samples:
    settings = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return _added(place, with_it=("-p", "pytest_mtls.plugin"), without=(), settings=settings)


ROWS = (
    Row(
        name="plugin-installed",
        what="pytest, empty suite, plugin installed",
        against="-p no:mtls",
        limits=[Limit(Comparison.ADDED, 0.005)],
        measure=_installed,
    ),
    Row(
        name="plugin-named",
        what="the same, -p pytest_mtls.plugin, no autoload",
        against="no plugin at all",
        limits=[Limit(Comparison.ADDED, 0.005)],
        measure=_named,
    ),
)
