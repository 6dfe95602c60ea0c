"""What a run has left on this machine, counted: of that run alone, as others may run beside it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from pytest_mtls import EngineUnavailable, Harness
from pytest_mtls.engines.api import connect
from pytest_mtls.engines.docker import OWNER_LABEL

SECONDS: Final = 1.0
"""After the end of a run, nothing of it may be left any more."""

_KEY: Final = b"PRIVATE KEY-----"


@dataclass(frozen=True)
class Left:
    """What is there of a run, by kind, each described for a human."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        return "; ".join(f"{len(found)} {each.name} {list(found)}" for each, found in self.counted() if found)

    def counted(self) -> Iterator[tuple[Any, tuple[str, ...]]]:
        """Each kind with what there is of it."""
        for each in fields(self):
            yield each, getattr(self, each.name)


class Run:
    """One run: a pytest session of its own, or a harness in this process.

    Args:
        folder: its TMPDIR, and nobody else's.
        owns: whether a container or network with these labels is its.
    """

    def __init__(self, folder: Path, owns: Callable[[dict[str, str]], bool]) -> None:
        self._folder = folder
        self._owns = owns
        self.most = Left()

    @classmethod
    def of_processes(cls, folder: Path, pids: Callable[[], set[int]]) -> Run:
        """What these processes answer for."""
        return cls(folder, lambda labels: json.loads(labels[OWNER_LABEL])[0] in pids())

    @classmethod
    def of_harness(cls, folder: Path, harness: Harness) -> Run:
        """What that harness has made."""
        session = dict(getattr(harness.engine, "labels", {}))
        return cls(folder, lambda labels: bool(session) and session.items() <= labels.items())

    def left(self) -> Left:
        """What there is now."""
        containers, networks = _of_engine(self._owns)
        found = Left(containers, networks, _processes(self._folder), *_files(self._folder))
        self.most = max(self.most, found, key=lambda left: sum(len(each) for _, each in left.counted()))
        return found

    def nothing_left(self, seconds: float = SECONDS, *, besides: int | None = None) -> None:
        """Fail where something is still there after that time, other than the process ``besides``."""
        deadline = time.monotonic() + seconds
        while left := self._without(besides):
            if time.monotonic() > deadline:
                raise AssertionError(f"still there {seconds:g} s after the end: {left}")
            time.sleep(0.02)

    def _without(self, pid: int | None) -> Left:
        left = self.left()
        others = tuple(each for each in left.processes if not each.startswith(f"{pid} "))
        return replace(left, processes=others)


def _of_engine(owns: Callable[[dict[str, str]], bool]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        client = connect()
    except EngineUnavailable:
        return (), ()
    with contextlib.closing(client):
        filters = {"label": OWNER_LABEL}
        containers = client.api.containers(all=True, filters=filters)
        networks = client.api.networks(filters=filters)
    return (
        tuple(f"{each['Id'][:12]} {each['State']}" for each in containers if owns(each["Labels"])),
        tuple(each["Name"] for each in networks if owns(each["Labels"])),
    )


def _processes(folder: Path) -> tuple[str, ...]:
    """Those that work in that folder, hold a file of it open, or have it for their TMPDIR."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if _belongs(entry, str(folder)):
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found.append(f"{entry.name} {command}")
    return tuple(found)


def _belongs(entry: Path, folder: str) -> bool:
    if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
        return False  # it has ended, and waits for somebody to ask how
    if f"TMPDIR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
        return True
    opened = [os.readlink(entry / "cwd"), *(os.readlink(each) for each in (entry / "fd").iterdir())]
    return any(each.startswith(f"{folder}/") for each in opened)


def _files(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Everything in the folder, and what of it holds a private key."""
    files, keys = [], []
    for path in folder.rglob("*"):
        files.append(str(path.relative_to(folder)))
        with contextlib.suppress(OSError):
            if path.is_file() and _KEY in path.read_bytes():
                keys.append(files[-1])
    return tuple(files), tuple(keys)
