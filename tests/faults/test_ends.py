"""However pytest ends, nothing is left one second later: no nginx, no container, no folder, no key."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.leftovers import Run
from tests.plugin.suite import Suite

SUITE = """
import pathlib, subprocess, sys, time

def test_holds_servers(mtls_nginx, mtls_nginx_factory, mtls_ca):
    own = mtls_nginx_factory(verify="optional")
    mtls_nginx.request(credential=mtls_ca.issue_client("alice"))
    own.request()
    pathlib.Path("ready").write_text("yes")
    {then}
"""

HOLD = "time.sleep(60)"
FORKED = """
    import os
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


class Session:
    """A pytest process with servers up."""

    def __init__(self, folder: Path, engine: str, then: str) -> None:
        (folder / "test_it.py").write_text(SUITE.format(then=then))
        self.temp = folder / "tmp"
        self.temp.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--mtls-engine={engine}", "test_it.py"],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.temp)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A test session under a shell's `&` ignores SIGINT, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.run = Run.of_processes(self.temp, lambda: {self.process.pid})
        _wait(lambda: (folder / "ready").exists() or self.process.poll(), 30, lambda: "the suite did not get ready")
        if not (folder / "ready").exists():
            raise AssertionError(self.process.communicate(timeout=5)[0])

    def end(self) -> None:
        """For the test's own cleanliness."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=10)


def _wait(condition: Callable[[], object], seconds: float, otherwise: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(otherwise())
        time.sleep(0.02)


@pytest.fixture
def session(engine: str, tmp_path: Path, request: pytest.FixtureRequest, counted: list[Run]) -> Iterator[Session]:
    started = Session(tmp_path, engine, getattr(request, "param", HOLD))
    counted.append(started.run)
    yield started
    started.end()


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def _interrupt_twice(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)


def _terminate(process: subprocess.Popen[str]) -> None:
    process.terminate()


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()


def _kill_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "ending",
    [
        _interrupt,
        pytest.param(_interrupt_twice, marks=pytest.mark.long),
        pytest.param(_terminate, marks=pytest.mark.long),
        _kill,
        pytest.param(_kill_group, marks=pytest.mark.long),
    ],
)
def test_nothing_is_left_a_second_after_pytest_has_ended(
    session: Session, ending: Callable[[subprocess.Popen[str]], None]
) -> None:
    """Ctrl-C, Ctrl-C twice, TERM, KILL, KILL to the whole process group."""
    assert session.run.left()

    ending(session.process)
    session.process.wait(10)

    session.run.nothing_left()


@pytest.mark.parametrize("session", [FORKED], indirect=True, ids=["forked"])
def test_a_forked_child_that_lives_on_holds_nothing_up(session: Session) -> None:
    """It inherits the guard's pipe, so that the end of file never comes."""
    child = _only_child(session.process.pid)
    assert session.run.left()
    session.process.kill()
    session.process.wait(10)

    session.run.nothing_left(besides=child)
    os.kill(child, signal.SIGKILL)


def _only_child(pid: int) -> int:
    """The child of a process that has its command line: what it forked."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    (child,) = [each for each in children if Path(f"/proc/{each}/cmdline").read_bytes() == command]
    return child


def test_a_normal_end_leaves_nothing(engine: str, tmp_path: Path) -> None:
    """Also the key files are gone when pytest has ended, not a moment later."""
    session = Session(tmp_path, engine, "pass")
    try:
        output = session.process.communicate(timeout=30)[0]
        assert "1 passed" in output
        assert not session.run.left()
    finally:
        session.end()


def test_two_sessions_side_by_side_do_not_touch_each_other(engine: str, tmp_path: Path) -> None:
    """One dies and is swept while the other works."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    dying, living = (Session(folder, engine, HOLD) for folder in folders)
    try:
        before = living.run.left()
        assert dying.run.left()
        dying.process.kill()
        dying.process.wait(10)
        sweep = [sys.executable, "-m", "pytest_mtls", "sweep"]
        subprocess.run(sweep, check=True, timeout=30, stdout=subprocess.DEVNULL)
        dying.run.nothing_left()
        assert living.run.left() == before
    finally:
        dying.end()
        living.end()


RAISING = """
    import pytest

    def test_before(mtls_nginx): assert mtls_nginx.request().internal_status == 496

    @pytest.fixture
    def raising_setup(mtls_nginx_factory):
        mtls_nginx_factory()
        raise RuntimeError("in a fixture, after the factory")

    def test_fixture_raises(raising_setup): ...

    def test_raises_inside_the_factory(mtls_nginx_factory):
        mtls_nginx_factory()
        mtls_nginx_factory(directives="no_such_directive on;")

    def test_interrupted_inside_the_factory(mtls_nginx_factory, monkeypatch):
        from pytest_mtls.engines.journal import Journal

        def wait_for(*_): raise RuntimeError("while nginx starts")

        monkeypatch.setattr(Journal, "wait_for", wait_for)
        mtls_nginx_factory()

    @pytest.fixture
    def raising_end(mtls_nginx_factory):
        yield mtls_nginx_factory()
        raise RuntimeError("in a finalizer")

    def test_finalizer_raises(raising_end): assert raising_end.request().internal_status == 496

    @pytest.fixture(scope="session")
    def raising_session_end(_mtls_harness):
        yield
        raise RuntimeError("in a finalizer of the session")

    def test_session_finalizer_raises(raising_session_end): ...

    def test_after(mtls_nginx, mtls_nginx_factory, running_nginx):
        assert mtls_nginx.request().internal_status == 496
        assert mtls_nginx_factory(verify="off").request().accepted
        assert running_nginx() == 2
"""


def test_whatever_raises_in_a_suite_leaves_nothing(suite: Suite, engine: str) -> None:
    """A test inside the factory, a fixture before it yields, and after; the tests beside it are sound."""
    result = suite.run(RAISING, engine=engine)

    result.assert_outcomes(passed=4, failed=2, errors=3)
    for said in (
        "RuntimeError: in a fixture, after the factory",
        'unknown directive "no_such_directive"',
        "RuntimeError: while nginx starts",
        "RuntimeError: in a finalizer",
        "RuntimeError: in a finalizer of the session",
    ):
        assert fnmatch.filter(result.outlines, f"E  *{said}*"), said
    assert suite.left_behind() == []


DYING_WORKER = """
    import os, signal, pathlib, pytest

    @pytest.mark.parametrize("number", range(4))
    def test_some(mtls_nginx_factory, number):
        assert mtls_nginx_factory(verify="off").request().accepted
        if number == 1 and not pathlib.Path("died").exists():
            pathlib.Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_of_xdist_that_is_killed_leaves_nothing(suite: Suite) -> None:
    """xdist starts another one, and the other tests are sound."""
    suite.settings(using=["xdist"])

    # pytest-rerunfailures, where somebody has it, knows no worker that takes another's place.
    result = suite.run(DYING_WORKER, "-n", "2", "-p", "no:rerunfailures")

    result.assert_outcomes(passed=3, failed=1)
    _wait(lambda: not suite.left_behind(), 1.0, suite.left_behind)
