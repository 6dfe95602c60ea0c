"""A reload by hand: HUP, and the log until every old worker has gone."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

_STARTED = re.compile(rb"start worker process (\d+)")
_EXITED = re.compile(rb"worker process (\d+) exited")
_SECONDS = 20.0
_PAUSE = 0.001


def reload(master: int, log: Path) -> None:
    """Return when the workers that were there before have exited.

    Raises:
        RuntimeError: twenty seconds have passed.
    """
    before = log.read_bytes()
    old = set(_STARTED.findall(before)) - set(_EXITED.findall(before))
    os.kill(master, signal.SIGHUP)
    expires = time.monotonic() + _SECONDS
    while not old <= set(_EXITED.findall(log.read_bytes()[len(before) :])):
        if time.monotonic() > expires:
            raise RuntimeError(f"waited {_SECONDS:g} s for workers {old} to exit")
        time.sleep(_PAUSE)
