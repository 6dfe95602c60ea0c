"""Whether a client is here, and how old it is. Nothing is looked for until somebody asks."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Final

from pytest_mtls.clients.client import Found

_SECONDS: Final = 20
"""A virtual machine on a loaded computer takes some."""


def program_found(name: str, arguments: tuple[str, ...], pattern: re.Pattern[str]) -> Found | None:
    """A program on PATH that says its version; ``None`` where there is none, or one of another kind."""
    path = shutil.which(name)
    if path is None:
        return None
    version = _version(path, Path(path).stat().st_mtime_ns, arguments, pattern)
    return None if version is None else Found(version, Path(path))


@lru_cache(maxsize=64)
def _version(path: str, _modified: int, arguments: tuple[str, ...], pattern: re.Pattern[str]) -> str | None:
    try:
        said = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = pattern.search(said.stdout + said.stderr)
    return match[1] if match else None
