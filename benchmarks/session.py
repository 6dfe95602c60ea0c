"""From a session that has nothing to the first answer: ours, and by hand. Also a program, for a fresh interpreter.

Everything is imported where it is needed, because importing is part of what is measured: pytest and the plugin are
there when a fixture is asked for, the rest of the package is not.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def ours(engine: str, modes: Sequence[str] = ("on",)) -> float:
    """Seconds until a server in each of the modes has answered, by the way that the fixtures go."""
    begun = time.perf_counter()
    from pytest_mtls.arguments import ServerArguments
    from pytest_mtls.harness import Harness
    from pytest_mtls.pool import ServerPool

    with Harness.open(engine) as harness:
        pool = ServerPool(harness)
        asked = [ServerArguments(verify=mode) for mode in modes]
        pool.announce(asked)
        statuses = [pool.get(each).request().status for each in asked]
        took = time.perf_counter() - begun
    if None in statuses:
        raise RuntimeError(f"no answer: {statuses}")
    return took


def bare_process(binary: Path, folder: Path) -> float:
    """The same with the bare process."""
    begun = time.perf_counter()
    from benchmarks.bare import process

    with process.nginx(binary, folder):
        return time.perf_counter() - begun


def bare_container(image: str, label: str, modes: Sequence[str] = ("on",)) -> float:
    """The same with the bare container."""
    begun = time.perf_counter()
    from benchmarks.bare import container

    with container.nginx(image, label, modes):
        return time.perf_counter() - begun


def main(side: str, *arguments: str) -> None:
    """Measure once, and print the seconds."""
    # A session of pytest's has these before any fixture is asked for; both sides get them.
    import pytest_mtls.plugin  # noqa: F401

    if side == "ours":
        took = ours(*arguments)
    elif side == "process":
        took = bare_process(*map(Path, arguments))
    else:
        took = bare_container(*arguments)
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
