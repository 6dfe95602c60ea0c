"""Measuring with several processes: each has a harness of its own and takes the next part as soon as it is free."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.errors import DeadlineExceeded, MtlsError
from pytest_mtls.harness import Harness
from pytest_mtls.table.measure import Gap, MeasuredCell, Part, measure

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_PART_SECONDS: Final = 300
_LOOK_SECONDS: Final = 0.5
_END_SECONDS: Final = 10

Measured = list[MeasuredCell | Gap]


def measure_parts(parts: Sequence[Part], *, engine: str, workers: int = 1) -> Iterator[Measured]:
    """What was measured, part by part; with several workers in the order in which they get done.

    Args:
        parts: see :func:`~pytest_mtls.table.measure.plan`.
        engine: ``auto``, ``docker`` or ``process``.
        workers: how many processes measure. Python asks one request at a time, so threads would not add up.

    Raises:
        EngineUnavailable: the engine is not to be had.
        NginxUnavailable: there is no such nginx.
        NginxStartError: nginx refused a situation's configuration.
        DeadlineExceeded: a worker ended without a word, or a part took more than five minutes.
    """
    if workers > 1 and len(parts) > 1:
        yield from _shared_out(parts, engine, min(workers, len(parts)))
        return
    with Harness.open(engine) as harness:
        for part in parts:
            yield list(measure(harness, part))


def _shared_out(parts: Sequence[Part], engine: str, workers: int) -> Iterator[Measured]:
    # Not forked: a fork would copy locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    waiting: Any = context.Queue()
    done: Any = context.Queue()
    for part in (*parts, *[None] * workers):
        waiting.put(part)
    processes = [context.Process(target=_work, args=(engine, waiting, done), daemon=True) for _ in range(workers)]
    try:
        for process in processes:
            process.start()
        for _ in parts:
            yield _next(done, processes)
        for process in processes:
            process.join(_END_SECONDS)
    finally:
        for process in processes:
            if process.pid is not None and process.is_alive():
                process.terminate()  # what its nginx had is removed by its guard
                process.join(_END_SECONDS)
        for each in (waiting, done):
            each.cancel_join_thread()
            each.close()


def _next(done: Any, processes: Sequence[BaseProcess]) -> Measured:
    for _ in range(int(_PART_SECONDS / _LOOK_SECONDS)):
        try:
            result: Measured | MtlsError = done.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            if all(process.exitcode is not None for process in processes):
                statuses = ", ".join(str(process.exitcode) for process in processes)
                raise DeadlineExceeded(
                    f"The processes that measure have ended (exit status {statuses}) before all was measured; "
                    "what they printed says why. Try again with --workers 1."
                ) from None
            continue
        if isinstance(result, MtlsError):
            raise result
        return result
    raise DeadlineExceeded(f"Waited {_PART_SECONDS} s for a part of the table; the processes that measure still run.")


def _work(engine: str, waiting: Any, done: Any) -> None:
    # Ctrl-C reaches every process of a terminal: this one leaves in silence, and cleans up.
    with contextlib.suppress(KeyboardInterrupt):
        try:
            with Harness.open(engine) as harness:
                while (part := waiting.get(timeout=_END_SECONDS)) is not None:
                    done.put(list(measure(harness, part)))
        except MtlsError as error:
            done.put(error)
