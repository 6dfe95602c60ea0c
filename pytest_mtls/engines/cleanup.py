"""Nothing stays behind: the owner's end of the guard, and the sweep for what even the guard could not remove."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.engines import guard
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.errors import WorkspaceUnavailable

FOLDER_PREFIX: Final = "pytest-mtls-"
_OWNER_FILE: Final = "owner.json"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that answers for a folder or a container.

    Attributes:
        pid: its number.
        started: when it started, in clock ticks since boot.
        boot: the boot and the process namespace in which those numbers mean something.
    """

    pid: int
    started: str
    boot: str

    @classmethod
    def this_process(cls) -> Owner:
        """The one that runs this code."""
        return cls(os.getpid(), guard.start_time(os.getpid()) or "", _boot_id())

    @property
    def is_local(self) -> bool:
        """Whether it can be asked about from here: the same boot, and not another container's or machine's process."""
        return self.boot == _boot_id()

    @property
    def is_gone(self) -> bool:
        """Whether that very process is known to have ended."""
        return self.is_local and guard.start_time(self.pid) != self.started

    def to_text(self) -> str:
        """As one short text, for a file or a label."""
        return json.dumps([self.pid, self.started, self.boot])

    @classmethod
    def from_text(cls, text: str) -> Owner:
        """Read what :meth:`to_text` wrote.

        Raises:
            ValueError: it did not write this.
        """
        pid, started, boot = json.loads(text)
        return cls(int(pid), str(started), str(boot))


def _boot_id() -> str:
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


class Guard:
    """The owner's end: announces what to remove should this process die."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = os.getpid()

    def start(self) -> None:
        """Start the guard process. Done early it is ready before there is anything to guard; else it starts when
        needed.

        Raises:
            LimitReached: no process can be started.
        """
        with self._lock:
            if self._process is None:
                self._process = self._spawn()

    def watch_folder(self, folder: Path) -> None:
        """Remove that folder, and kill the nginx that uses it."""
        self._say("folder", str(folder))

    def watch_process(self, pid: int) -> None:
        """Kill the process group that ``pid`` leads."""
        self._say("process", pid, guard.start_time(pid))

    def watch_containers(self, base_url: str, label: str) -> None:
        """Remove every container with that label."""
        self._say("containers", base_url, label)

    def forget_folder(self, folder: Path) -> None:
        """That folder is gone."""
        self._say("forget", "folder", str(folder))

    def forget_containers(self, base_url: str) -> None:
        """None is left there."""
        self._say("forget", "containers", base_url)

    def forget_process(self, pid: int) -> None:
        """That process is gone."""
        self._say("forget", "process", pid)

    def release(self) -> None:
        """Forget everything: what is up shall stay up."""
        self._say("forget", "everything")

    def close(self) -> None:
        """Let the guard end; it removes what was not forgotten."""
        with self._lock:
            if self._process is None or self._pid != os.getpid():
                return
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
            self._process = None

    def _say(self, *entry: object) -> None:
        with self._lock:
            if self._pid != os.getpid():
                # A forked child owns nothing of its parent's: what it says must not reach the parent's guard.
                return
            if self._process is None:
                self._process = self._spawn()
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.write(json.dumps(entry).encode() + b"\n")
                self._process.stdin.flush()

    @staticmethod
    def _spawn() -> subprocess.Popen[bytes]:
        with within_limits("start the process that removes what this one leaves"):
            return subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )


def make_folder() -> Path:
    """A new folder for one nginx, readable by its owner alone, marked with the process that answers for it.

    Raises:
        WorkspaceUnavailable: the temporary folder cannot be used.
        LimitReached: there is nothing wrong with it.
    """
    with using_workspace("make a folder for nginx's configuration and keys"):
        folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        try:
            (folder / _OWNER_FILE).write_text(Owner.this_process().to_text())
        except BaseException:
            # Not remove_folder(), which opens it: there may be no file left to open.
            (folder / _OWNER_FILE).unlink(missing_ok=True)
            folder.rmdir()
            raise
        return folder


@contextlib.contextmanager
def using_workspace(what: str) -> Iterator[None]:
    """Turn what the temporary folder would not take into an error that says so.

    Args:
        what: is tried, in the infinitive.

    Raises:
        WorkspaceUnavailable: it is full, or cannot be written.
        LimitReached: there is nothing wrong with it.
    """
    try:
        with within_limits(what):
            yield
    except OSError as error:
        raise WorkspaceUnavailable(
            f"Tried to {what}, saw: {error}. Point TMPDIR at a folder that can be written and has some megabytes free."
        ) from error


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something a dead run left: what it is, and the process that made it."""

    kind: str
    name: str
    owner: Owner


def abandoned_folders() -> list[Leftover]:
    """Folders in the temporary folder whose owner is gone."""
    found = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*")):
        with contextlib.suppress(OSError, ValueError):
            owner = Owner.from_text((folder / _OWNER_FILE).read_text())
            if folder.stat().st_uid == os.getuid() and owner.is_gone:
                found.append(Leftover("folder", str(folder), owner))
    return found


def remove_abandoned_folders() -> list[Leftover]:
    """Kill the nginx in each abandoned folder and remove it; returns what was removed."""
    found = abandoned_folders()
    for leftover in found:
        guard.remove_folder(leftover.name)
    return found


def remove_folder(folder: Path) -> None:
    """Remove a folder of one's own, with the keys in it."""
    shutil.rmtree(folder, ignore_errors=True)
