"""From a session that has nothing to the first answer: ours, and by hand. Also a program, for a fresh interpreter.

Everything is imported where it is needed, because importing is part of what is measured: pytest and the plugin are
there when a fixture is asked for, the rest of the package is not.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


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


class _Clock:
    """A plugin that starts when the first fixture of ours is set up."""

    begun: float | None = None
    took: float | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> None:
        if self.begun is None and fixturedef.argname.lstrip("_").startswith("mtls_"):
            self.begun = time.perf_counter()

    @pytest.fixture
    def answered(self) -> Callable[[], None]:
        """For the test to say that it has its answer."""

        def stop() -> None:
            assert self.begun is not None
            self.took = time.perf_counter() - self.begun

        return stop


_SUITE = """
def test_it(mtls_nginx, answered):
    status = mtls_nginx.request().status
    answered()
    assert status == 400
"""


def ours_in_pytest(engine: str) -> float:
    """Seconds in a real session of pytest, from the request for ``mtls_nginx`` to the first answer."""
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(_SUITE)
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            f"--rootdir={folder}",
            f"--mtls-engine={engine}",
        ]
        with contextlib.redirect_stdout(sys.stderr):
            status = pytest.main([*options, folder], plugins=[clock])
    if status != 0 or clock.took is None:
        raise RuntimeError(f"the measured session of pytest ended with {status}")
    return clock.took


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


def peer_container(image: str, label: str) -> float:
    """The same by testcontainers-python."""
    begun = time.perf_counter()
    from benchmarks.bare import peer

    with peer.nginx(image, label):
        return time.perf_counter() - begun


def main(side: str, *arguments: str) -> None:
    """Measure once, and print the seconds."""
    # A session of pytest's has this before any fixture is asked for; both sides get it.
    import pytest_mtls.plugin  # noqa: F401

    if side == "pytest":
        took = ours_in_pytest(*arguments)
    elif side == "ours":
        took = ours(*arguments)
    elif side == "process":
        took = bare_process(*map(Path, arguments))
    else:
        took = bare_container(*arguments)
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
