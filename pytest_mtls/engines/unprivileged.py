"""Whose rights nginx's workers have where nginx is started by root, and what they may read with them."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pytest_mtls.nginx.bundle import BundleFile

_NAME: Final = "nobody"
_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Unprivileged:
    """Somebody without rights.

    Attributes:
        user: its name.
        group: its group's.
        gid: the same as a number.
    """

    user: str
    group: str
    gid: int

    def __str__(self) -> str:
        return f"{self.user} {self.group}"

    def let_in(self, folder: Path, files: Mapping[str, BundleFile]) -> None:
        """Let the group pass through the folders of these files, and read those that workers read themselves.

        Keys stay root's alone: the master reads them, before there is a worker.
        """
        for each in {folder, *(parent for name in files for parent in (folder / name).parents)}:
            if each.is_relative_to(folder):
                _give(each, self.gid, 0o710)
        for name, file in files.items():
            if file.secret and file.read_by_workers:
                _give(folder / name, self.gid, 0o640)


def _give(path: Path, gid: int, mode: int) -> None:
    os.chown(path, -1, gid)
    path.chmod(mode)


def nobody_for(folder: Path) -> Unprivileged | None:
    """Who runs the workers whose files are in that folder; ``None`` where there is nobody else but this user.

    A process that is not root cannot change users, nor can root in some containers; and under a folder that is root's
    alone nobody else could read the pages of a configuration, or keep the body of a request.
    """
    found = _nobody() if os.geteuid() == 0 else None
    searchable = all(each.stat().st_mode & stat.S_IXOTH for each in folder.resolve().parents)
    return found if searchable else None


@lru_cache(maxsize=1)
def _nobody() -> Unprivileged | None:
    try:
        entry = pwd.getpwnam(_NAME)
        group = grp.getgrgid(entry.pw_gid).gr_name
        subprocess.run(["true"], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], timeout=_SECONDS, check=True)
    except (KeyError, OSError, subprocess.SubprocessError):
        return None
    return Unprivileged(_NAME, group, entry.pw_gid)
