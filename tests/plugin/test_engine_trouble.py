"""A container engine that is not there, or does not answer: said at once, in the header and by each test."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import Harness
from tests.plugin.suite import Suite, lines_with

SOURCE = """
    def test_it(mtls_nginx): assert mtls_nginx.request().internal_status == 496
    def test_another(mtls_nginx_factory): assert mtls_nginx_factory(verify="off").request().accepted
    def test_plain(): ...
"""


@contextlib.contextmanager
def _never_answering(listening: socket.socket) -> Iterator[None]:
    """Accept whoever comes, and say nothing."""
    accepted: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted.append(listening.accept()[0])

    listening.listen(8)
    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Closing alone does not wake a thread in accept().
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)
        for connection in accepted:
            connection.close()


@pytest.fixture(params=["unix", "tcp"])
def silent_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Something that accepts and never answers, where ``DOCKER_HOST`` points."""
    family = socket.AF_UNIX if request.param == "unix" else socket.AF_INET
    # The path of a socket must be short, which that of tmp_path is not.
    with tempfile.TemporaryDirectory() as folder, socket.socket(family) as listening:
        if family == socket.AF_UNIX:
            listening.bind(f"{folder}/silent")
            address = f"unix://{folder}/silent"
        else:
            listening.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("DOCKER_HOST", address)
        with _never_answering(listening):
            yield address


def test_an_engine_that_was_asked_for_and_is_not_there_is_an_error_of_each_test(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header and every test that needs it name the address and both ways out; other tests run."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{suite.folder}/nobody")

    result = suite.run(SOURCE, engine="docker")

    result.assert_outcomes(passed=1, errors=2)
    said = f"--mtls-engine docker: no container engine answers at unix://{suite.folder}/nobody: "
    (header,) = (line for line in lines_with(result, said) if line.startswith("mtls: "))
    assert "apt-get install docker.io" in header
    assert "or use --mtls-engine process, which needs none." in header
    assert len([line for line in lines_with(result, f"EngineUnavailable: {said}") if line.startswith("E ")]) == 2


@pytest.mark.parametrize("silent_engine", ["unix"], indirect=True)
def test_auto_does_without_an_engine_that_never_answers(suite: Suite, silent_engine: str) -> None:
    """Every test runs, with plain processes, and the header says why."""
    result = suite.run(SOURCE, engine=None)

    result.assert_outcomes(passed=3)
    (header,) = lines_with(result, "mtls: ")
    assert "in engine process" in header
    assert "timed out" in header


def test_auto_decides_within_three_seconds(silent_engine: str) -> None:
    """Something that listens and never answers costs at most that."""
    started = time.monotonic()

    with Harness.open("auto") as harness:
        assert harness.engine.name == "process"

    assert time.monotonic() - started < 3


def test_auto_decides_at_once_where_nothing_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No engine, no waiting."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    started = time.monotonic()

    with Harness.open("auto") as harness:
        assert harness.engine.name == "process"

    assert time.monotonic() - started < 1
