"""Running many scenarios on many nginx, with several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_mtls.harness import Harness
from pytest_mtls.stage.catalogue import named
from pytest_mtls.stage.running import Result, run
from pytest_mtls.workers import each_done


class Performance(NamedTuple):
    """One scenario on one nginx, to be run.

    Attributes:
        scenario: its name, or its file's path.
        nginx: as ``--mtls-nginx`` names it.
    """

    scenario: str
    nginx: str


def run_each(performances: Sequence[Performance], *, engine: str, workers: int = 1) -> Iterator[Result]:
    """What each came to; with several workers in the order in which they get done.

    Raises:
        InvalidArgument: a scenario's file has a mistake.
        EngineUnavailable: the engine is not to be had.
        NginxUnavailable: there is no such nginx.
        DeadlineExceeded: a worker ended without a word, or a scenario took more than five minutes.
    """
    yield from each_done(performances, _run, engine=engine, workers=workers)


def _run(harness: Harness, performance: Performance) -> Result:
    return run(named(performance.scenario), harness, performance.nginx)
