"""Doing many parts with several processes: each has a harness of its own, and takes the next part once it is free."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_mtls.errors import DeadlineExceeded, MtlsError
from pytest_mtls.harness import Harness

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_PART_SECONDS: Final = 300
_LOOK_SECONDS: Final = 0.5
_END_SECONDS: Final = 10

P = TypeVar("P")
R = TypeVar("R")


def each_done(parts: Sequence[P], do: Callable[[Harness, P], R], *, engine: str, workers: int = 1) -> Iterator[R]:
    """What ``do`` made of each part; with several workers in the order in which they get done.

    Args:
        parts: what is to be done; with several workers they are sent to other processes.
        do: a function of a module, so that other processes find it.
        engine: ``auto``, ``docker`` or ``process``.
        workers: how many processes. Python asks one request at a time, so threads would not add up.

    Raises:
        MtlsError: whatever ``do`` raises of this kind, also in another process.
        EngineUnavailable: the engine is not to be had.
        DeadlineExceeded: a worker ended without a word, or a part took more than five minutes.
    """
    if workers > 1 and len(parts) > 1:
        yield from _shared_out(parts, do, engine, min(workers, len(parts)))
        return
    with Harness.open(engine) as harness:
        for part in parts:
            yield do(harness, part)


def _shared_out(parts: Sequence[P], do: Callable[[Harness, P], R], engine: str, workers: int) -> Iterator[R]:
    # Not forked: a fork would copy locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    waiting: Any = context.Queue()
    done: Any = context.Queue()
    for part in (*parts, *[None] * workers):
        waiting.put(part)
    processes = [context.Process(target=_work, args=(do, engine, waiting, done), daemon=True) for _ in range(workers)]
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


def _next(done: Any, processes: Sequence[BaseProcess]) -> Any:
    for _ in range(int(_PART_SECONDS / _LOOK_SECONDS)):
        try:
            result = done.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            if all(process.exitcode is not None for process in processes):
                statuses = ", ".join(str(process.exitcode) for process in processes)
                raise DeadlineExceeded(
                    f"The worker processes have ended (exit status {statuses}) before all was done; "
                    "what they printed says why. Try again with --workers 1."
                ) from None
            continue
        if isinstance(result, MtlsError):
            raise result
        return result
    raise DeadlineExceeded(f"Waited {_PART_SECONDS} s for a part; the worker processes still run.")


def _work(do: Callable[[Harness, Any], Any], engine: str, waiting: Any, done: Any) -> None:
    # Ctrl-C reaches every process of a terminal: this one leaves in silence, and cleans up.
    with contextlib.suppress(KeyboardInterrupt):
        try:
            with Harness.open(engine) as harness:
                while (part := waiting.get(timeout=_END_SECONDS)) is not None:
                    done.put(do(harness, part))
        except MtlsError as error:
            done.put(error)
