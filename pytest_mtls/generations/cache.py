"""What was built is kept, and believed only after a look: every file's digest is checked when it is taken."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.errors import NginxUnavailable
from pytest_mtls.generations.collect import NGINX, STREAM_MODULE, Machine, RootFile

RECIPE: Final = 1
"""Part of every entry's name; to be raised when other files are collected, or in another way."""
_MANIFEST: Final = "manifest.json"
_ROOT: Final = "root"
_LOCK_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Root:
    """A generation's nginx, unpacked in the cache.

    Attributes:
        name: the generation.
        folder: what is its ``/``.
        machine: where it runs.
        modes: every file's permissions, by path below ``folder``.
        digest: of all paths, permissions and contents; the same for the same packages.
    """

    name: str
    folder: Path
    machine: Machine
    modes: Mapping[str, int]
    digest: str

    @property
    def loader(self) -> tuple[str, ...]:
        """The command that runs a binary of it with its own libraries."""
        return (
            str(self.folder / self.machine.loader),
            "--library-path",
            str(self.folder / self.machine.libraries),
        )

    @property
    def nginx(self) -> Path:
        """The binary."""
        return self.folder / NGINX

    @property
    def stream_module(self) -> Path:
        """The module for stream servers, which Debian ships apart."""
        return self.folder / STREAM_MODULE

    def files(self) -> Iterator[tuple[str, bytes, int]]:
        """Path, content and permissions of each file."""
        for name, mode in self.modes.items():
            yield name, (self.folder / name).read_bytes(), mode


def cache_folder() -> Path:
    """Where builds are kept; ``XDG_CACHE_HOME`` moves it.

    Raises:
        NginxUnavailable: it cannot be made, or others could put programs there.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "pytest-mtls" / "generations"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = folder.stat()
    except OSError as error:
        raise NginxUnavailable(
            f"Tried to make a folder for builds of nginx, saw: {error}. "
            "Point XDG_CACHE_HOME at one that can be written."
        ) from error
    if seen.st_uid not in (0, os.geteuid()) or seen.st_mode & 0o022:
        raise NginxUnavailable(
            f"{folder} can be written by others, so the programs in it cannot be trusted. "
            "Remove it, or point XDG_CACHE_HOME at a folder of your own."
        )
    return folder


def entry_folder(name: str, machine: Machine) -> Path:
    """Where that generation is, or would be."""
    return cache_folder() / f"{name}-{machine.triplet}-{RECIPE}"


@contextlib.contextmanager
def locked(entry: Path) -> Iterator[None]:
    """Only one process at a time builds an entry; the others wait for it and then find it."""
    with open(entry.with_name(f".{entry.name}.lock"), "w") as lock:

        def taken() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_until(taken, Deadline.after(_LOCK_SECONDS), awaited=f"another process to build {entry.name}")
        yield


def load(name: str, machine: Machine) -> Root | None:
    """What is cached under that name, if every byte of it is as it was built."""
    entry = entry_folder(name, machine)
    try:
        manifest = json.loads((entry / _MANIFEST).read_text())
        modes = {str(path): int(mode) for path, mode in manifest["modes"].items()}
        digest = _Digest()
        for path, mode in modes.items():
            file = entry / _ROOT / path
            if file.is_symlink() or file.stat().st_mode & 0o777 != mode:
                return None
            digest.add(path, mode, file.read_bytes())
        there = {str(file.relative_to(entry / _ROOT)) for file in (entry / _ROOT).rglob("*") if not file.is_dir()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if digest.text() != manifest.get("digest") or NGINX not in modes or there != set(modes):
        return None
    return Root(name, entry / _ROOT, machine, modes, digest.text())


def store(name: str, machine: Machine, files: Mapping[str, RootFile]) -> None:
    """Put a build into the cache: beside its place first, and there all at once."""
    entry = entry_folder(name, machine)
    for left in entry.parent.glob(f".{entry.name}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", suffix=".tmp", dir=entry.parent))
    try:
        digest = _Digest()
        for path, file in files.items():
            digest.add(path, file.mode, file.content)
            target = beside / _ROOT / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
            target.chmod(file.mode)
        manifest = {"digest": digest.text(), "modes": {path: file.mode for path, file in files.items()}}
        (beside / _MANIFEST).write_text(json.dumps(manifest, indent=1))
        if entry.exists():
            shutil.rmtree(entry)
        os.rename(beside, entry)
    except OSError as error:
        raise NginxUnavailable(f"Tried to keep the build of {name} in {entry}, saw: {error}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


class _Digest:
    def __init__(self) -> None:
        self._all = hashlib.sha256()

    def add(self, path: str, mode: int, content: bytes) -> None:
        self._all.update(f"{path}\0{mode:o}\0{hashlib.sha256(content).hexdigest()}\n".encode())

    def text(self) -> str:
        return self._all.hexdigest()
