"""However pytest ends, nothing is left one second later: no nginx, no container, no folder, no key."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
        self.engine = engine
        _wait(lambda: (folder / "ready").exists() or self.process.poll(), 30, lambda: "the suite did not get ready")
        if not (folder / "ready").exists():
            raise AssertionError(self.process.communicate(timeout=5)[0])

    def left(self) -> list[str]:
        """What is still there of it."""
        folders = [path.name for path in self.temp.glob("pytest-mtls-*")]
        return folders + _processes(str(self.temp)) + (_containers(self.process.pid) if self.engine == "docker" else [])

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


def _processes(folder: str) -> list[str]:
    """Processes that have to do with that folder: an nginx by its arguments or its open files."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                opened = [os.readlink(link) for link in (entry / "fd").iterdir()]
                arguments = (entry / "cmdline").read_bytes().decode(errors="replace")
                if b"nginx" in (entry / "comm").read_bytes() and any(folder in each for each in [*opened, arguments]):
                    found.append(f"process {entry.name}: {arguments}")
    return found


def _containers(owner: int) -> list[str]:
    import docker

    client = docker.from_env(timeout=20)
    try:
        found = client.api.containers(all=True, filters={"label": "pytest-mtls.owner"})
        return [each["Id"] for each in found if each["Labels"]["pytest-mtls.owner"].startswith(f"[{owner},")]
    finally:
        client.close()


@pytest.fixture
def session(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Session]:
    started = Session(tmp_path, engine, getattr(request, "param", HOLD))
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


@pytest.mark.parametrize("ending", [_interrupt, _interrupt_twice, _terminate, _kill, _kill_group])
def test_nothing_is_left_a_second_after_pytest_has_ended(
    session: Session, ending: Callable[[subprocess.Popen[str]], None]
) -> None:
    """Ctrl-C, Ctrl-C twice, TERM, KILL, KILL to the whole process group."""
    assert session.left()

    ending(session.process)
    session.process.wait(10)

    _wait(lambda: not session.left(), 1.0, session.left)


@pytest.mark.parametrize("session", [FORKED], indirect=True, ids=["forked"])
def test_a_forked_child_that_lives_on_holds_nothing_up(session: Session) -> None:
    """It inherits the guard's pipe, so that the end of file never comes."""
    session.process.kill()
    session.process.wait(10)

    _wait(lambda: not session.left(), 1.0, session.left)


def test_a_normal_end_leaves_nothing(engine: str, tmp_path: Path) -> None:
    """Also the key files are gone when pytest has ended, not a moment later."""
    session = Session(tmp_path, engine, "pass")
    try:
        output = session.process.communicate(timeout=30)[0]
        assert "1 passed" in output
        assert session.left() == []
    finally:
        session.end()


def test_two_sessions_side_by_side_do_not_touch_each_other(engine: str, tmp_path: Path) -> None:
    """One dies and is swept while the other works."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    dying, living = (Session(folder, engine, HOLD) for folder in folders)
    try:
        before = living.left()
        dying.process.kill()
        dying.process.wait(10)
        sweep = [sys.executable, "-m", "pytest_mtls", "sweep"]
        subprocess.run(sweep, check=True, timeout=30, stdout=subprocess.DEVNULL)
        _wait(lambda: not dying.left(), 1.0, dying.left)
        assert living.left() == before
    finally:
        dying.end()
        living.end()
