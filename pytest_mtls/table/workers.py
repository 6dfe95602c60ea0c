"""Measuring with several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_mtls.harness import Harness
from pytest_mtls.table.measure import Gap, MeasuredCell, Part, measure
from pytest_mtls.workers import each_done

Measured = list[MeasuredCell | Gap]


def measure_parts(parts: Sequence[Part], *, engine: str, workers: int = 1) -> Iterator[Measured]:
    """What was measured, part by part; with several workers in the order in which they get done.

    Args:
        parts: see :func:`~pytest_mtls.table.measure.plan`.
        engine: ``auto``, ``docker`` or ``process``.
        workers: how many processes measure.

    Raises:
        EngineUnavailable: the engine is not to be had.
        NginxUnavailable: there is no such nginx.
        NginxStartError: nginx refused a situation's configuration.
        DeadlineExceeded: a worker ended without a word, or a part took more than five minutes.
    """
    yield from each_done(parts, _measured, engine=engine, workers=workers)


def _measured(harness: Harness, part: Part) -> Measured:
    return list(measure(harness, part))
