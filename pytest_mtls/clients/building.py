"""Programs that are compiled first: once for each compiler and source, and then kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_mtls.errors import ClientUnavailable

PROGRAMS: Final = Path(__file__).with_name("programs")
_COMPILING_SECONDS: Final = 180
"""Go since 1.20 compiles its own library first."""


def built(source: Path, compiler: str, command: Sequence[str]) -> Path:
    """The folder with what a compiler makes of ``source``, made now or before.

    Args:
        source: one file.
        compiler: its name and version: another one builds anew.
        command: what is run in that folder.

    Raises:
        ClientUnavailable: it does not compile, or there is nowhere to keep it.
    """
    digest = hashlib.sha256(compiler.encode() + b"\0" + source.read_bytes()).hexdigest()[:16]
    cache = _cache_folder()
    entry = cache / f"{source.stem}-{digest}"
    if entry.is_dir():
        return entry
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=cache))
    try:
        _compile(command, draft, compiler)
        try:
            draft.rename(entry)
        except OSError:
            if not entry.is_dir():  # else another process was faster, and built the same
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return entry


def _compile(command: Sequence[str], folder: Path, compiler: str) -> None:
    try:
        made = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_COMPILING_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ClientUnavailable(
            f"{compiler} took longer than {_COMPILING_SECONDS} s to compile a client; is this machine very busy?"
        ) from error
    if made.returncode != 0:
        raise ClientUnavailable(f"{compiler} was to compile a client, and said: {(made.stderr or made.stdout).strip()}")


def _cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "pytest-mtls" / "clients"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = folder.stat()
    except OSError as error:
        raise ClientUnavailable(
            f"Tried to make a folder for compiled clients, saw: {error}. "
            "Point XDG_CACHE_HOME at one that can be written."
        ) from error
    if seen.st_uid not in (0, os.geteuid()) or seen.st_mode & 0o022:
        raise ClientUnavailable(
            f"{folder} can be written by others, so the programs in it cannot be trusted. "
            "Remove it, or point XDG_CACHE_HOME at a folder of your own."
        )
    return folder
