"""A log file that grows."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pytest_mtls.errors import WorkspaceUnavailable


class FileSource:
    """A log file, read at its growing end. Nothing has to be drained, so nginx never waits for us."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, timeout: float) -> bytes:
        """What is new; sleeps briefly where nothing is and ``timeout`` allows."""
        data = self._read()
        if not data and timeout > 0:
            time.sleep(min(timeout, 0.000_1))
            data = self._read()
        return data

    def _read(self) -> bytes:
        return os.read(self._fd, 1 << 20) if self._fd >= 0 else b""

    def check(self) -> None:
        """Nothing came that was waited for.

        Raises:
            WorkspaceUnavailable: the disk is full, so that nothing can come.
        """
        disk = os.fstatvfs(self._fd)
        if not (disk.f_bavail if os.geteuid() else disk.f_bfree):
            raise WorkspaceUnavailable(
                f"Waited for nginx to log something, and the disk of {self._path} is full. "
                "Point TMPDIR at a folder that has some megabytes free."
            )

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
