"""Rows about the start of a session."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import session
from benchmarks.measure import Comparison, Limit, Missing, Row, Samples, alternate
from benchmarks.place import Place

_MODES = ("off", "optional", "optional_no_ca", "on")
_CHILD_SECONDS = 60


def _in_fresh_interpreter(place: Place, *arguments: str) -> float:
    """What :mod:`benchmarks.session` measures in an interpreter of its own, whose start does not count."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.session", *arguments],
        capture_output=True,
        text=True,
        timeout=_CHILD_SECONDS,
        env=place.environment,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"benchmarks.session {' '.join(arguments)} failed:\n{done.stderr}")
    return float(done.stdout)


def _process_in_pytest(place: Place) -> Samples:
    return _process_fresh(place, "pytest")


def _process_cold(place: Place) -> Samples:
    return _process_fresh(place, "ours")


def _process_fresh(place: Place, side: str) -> Samples:
    def bare() -> float:
        with place.folder() as folder:
            return _in_fresh_interpreter(place, "process", str(place.binary), str(folder))

    return alternate(lambda: _in_fresh_interpreter(place, side, "process"), bare, rounds=12)


def _process_warm(place: Place) -> Samples:
    def bare() -> float:
        with place.folder() as folder:
            return session.bare_process(place.binary, folder)

    return alternate(lambda: session.ours("process"), bare, rounds=25)


def _container_in_pytest(place: Place) -> Samples:
    return _container_fresh(place, "pytest")


def _container_peer(place: Place) -> Samples:
    try:
        import testcontainers  # noqa: F401
    except ImportError:
        raise Missing("no testcontainers") from None
    image = place.image
    return alternate(lambda: session.ours("docker"), lambda: session.peer_container(image, place.label), rounds=8)


def _container_cold(place: Place) -> Samples:
    return _container_fresh(place, "ours")


def _container_fresh(place: Place, side: str) -> Samples:
    image = place.image
    return alternate(
        lambda: _in_fresh_interpreter(place, side, "docker"),
        lambda: _in_fresh_interpreter(place, "container", image, place.label),
        rounds=8,
    )


def _container_warm(place: Place) -> Samples:
    return _container(place, _MODES[-1:], rounds=8)


def _four_modes(place: Place) -> Samples:
    return _container(place, _MODES, rounds=8)


def _container(place: Place, modes: tuple[str, ...], *, rounds: int) -> Samples:
    image = place.image
    return alternate(
        lambda: session.ours("docker", modes),
        lambda: session.bare_container(image, place.label, modes),
        rounds=rounds,
    )


ROWS = (
    Row(
        name="start-process",
        what="pytest session, fixture to first answer",
        against="bare script: mint, spawn, poll",
        limits=[Limit(Comparison.RATIO, 1.3)],
        measure=_process_in_pytest,
    ),
    Row(
        name="start-process-all",
        what="the same with every import counted",
        against="bare script: mint, spawn, poll",
        limits=[Limit(Comparison.RATIO)],
        measure=_process_cold,
    ),
    Row(
        name="start-process-warm",
        what="the same, everything imported",
        against="the same, everything imported",
        limits=[Limit(Comparison.RATIO)],
        measure=_process_warm,
    ),
    Row(
        name="start-container",
        what="pytest session, fixture to first answer",
        against="bare SDK: create, put_archive, start, poll",
        limits=[Limit(Comparison.RATIO, 1.1)],
        measure=_container_in_pytest,
    ),
    Row(
        name="start-container-all",
        what="the same with every import counted",
        against="bare SDK: create, put_archive, start, poll",
        limits=[Limit(Comparison.RATIO)],
        measure=_container_cold,
    ),
    Row(
        name="start-container-peer",
        what="everything imported, to the first answer",
        against="testcontainers-python, files copied in",
        limits=[Limit(Comparison.RATIO, 0.65)],
        measure=_container_peer,
    ),
    Row(
        name="start-container-warm",
        what="the same, everything imported",
        against="the same, everything imported",
        limits=[Limit(Comparison.RATIO)],
        measure=_container_warm,
    ),
    Row(
        name="modes-container",
        what="new session, four modes answer (imported)",
        against="one bare container, four listeners",
        limits=[Limit(Comparison.ABSOLUTE, 0.45), Limit(Comparison.RATIO, 1.15)],
        measure=_four_modes,
    ),
)
