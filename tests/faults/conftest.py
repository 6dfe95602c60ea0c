"""What the tests of faults share: a harness whose folder is its own, so that what is left of it can be counted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from conftest import open_harness
from pytest_mtls import Harness
from tests.faults.engine_proxy import EngineProxy
from tests.faults.leftovers import Left, Run
from tests.plugin.suite import Suite

_SEEN = pytest.StashKey[list[Left]]()


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """An empty suite, to be filled and run."""
    return Suite(pytester, monkeypatch)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TMPDIR that nobody else has."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Iterator[list[Run]]:
    """The runs of a test whose leftovers were counted: for the line at the end."""
    runs: list[Run] = []
    yield runs
    request.config.stash.setdefault(_SEEN, []).extend(run.most for run in runs)


@pytest.fixture
def own(engine: str, temporary: Path, counted: list[Run]) -> Iterator[Harness]:
    """A harness for one fault, with either engine. A second after its end nothing of it may be left."""
    yield from _opened(engine, temporary, counted)


@pytest.fixture
def own_process(temporary: Path, counted: list[Run]) -> Iterator[Harness]:
    """The same with plain processes."""
    yield from _opened("process", temporary, counted)


@pytest.fixture
def proxy() -> Iterator[EngineProxy]:
    """Stands before the container engine."""
    with EngineProxy() as standing:
        yield standing


@pytest.fixture
def own_docker(
    request: pytest.FixtureRequest,
    temporary: Path,
    counted: list[Run],
    proxy: EngineProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Harness]:
    """The same with containers, by way of the proxy."""
    open_harness("docker", request.config).close()
    monkeypatch.setenv("DOCKER_HOST", proxy.url)
    yield from _opened("docker", temporary, counted)


def _opened(engine: str, temporary: Path, counted: list[Run]) -> Iterator[Harness]:
    with Harness.open(engine, timeout=4) as harness:
        run = Run.of_harness(temporary, harness)
        counted.append(run)
        yield harness
        assert run.left() or run.most, "nothing was there to be left"
    run.nothing_left()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much there was at most, and that none of it is left."""
    seen = config.stash.get(_SEEN, [])
    if seen:
        sums = ", ".join(f"{sum(len(getattr(each, kind.name)) for each in seen)} {kind.name}" for kind in fields(Left))
        terminalreporter.write_line(f"faults: {len(seen)} runs had {sums}; one second after their ends, none.")
