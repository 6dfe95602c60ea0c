"""Giving a running nginx other files, and knowing for certain whether it took them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.failures import emergencies
from pytest_mtls.engines.protocol import RunningNginx, Writing
from pytest_mtls.errors import EngineLacksFeature, InvalidArgument, ServerGone
from pytest_mtls.nginx.spec import ServerSpec

_WAYS: Final = ("rename", "in-place")
_RETIRING: Final = re.compile(r"\[notice\] (\d+)#\d+: gracefully shutting down$")
_CLOSING_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Reload:
    """What became of an ``update()`` or a ``reload()``.

    Attributes:
        applied: whether new workers took over; otherwise the old ones go on with the old configuration.
        reason: what nginx objected to, else ``None``.
        config: the nginx.conf it was given.
        log: what nginx logged meanwhile.
        retiring: how many old workers still serve the connections they have; they accept no new ones.
    """

    applied: bool
    reason: str | None
    config: str
    log: tuple[str, ...]
    retiring: int = 0


def checked_writing(way: object, mtime: object, running: RunningNginx) -> Writing:
    """How files are to be written.

    Args:
        way: ``"rename"`` or ``"in-place"``.
        mtime: their modification time, or ``None``.
        running: the nginx whose files they are.

    Raises:
        InvalidArgument: a value is not allowed.
        EngineLacksFeature: files in place cannot be rewritten on this engine.
    """
    if way not in _WAYS:
        raise InvalidArgument.not_one_of("writing", way, _WAYS)
    if mtime is not None and not isinstance(mtime, datetime):
        raise InvalidArgument(f"mtime={mtime!r} is not a datetime; give one with a time zone, or None for now.")
    if mtime is not None and mtime.tzinfo is None:
        raise InvalidArgument(f"mtime={mtime.isoformat()} has no time zone; use datetime(..., tzinfo=timezone.utc).")
    in_place = way == "in-place"
    if in_place and not running.writes_in_place:
        raise EngineLacksFeature(
            "writing='in-place' does not work in containers: the engine replaces files, and the image need have no "
            "shell. It works with nginx as a plain process; mtime= works with both"
        )
    return Writing(in_place, None if mtime is None else int(mtime.timestamp()))


def rewrite(
    running: RunningNginx, specs: Sequence[ServerSpec], writing: Writing, deadline: Deadline, *, drain: bool
) -> Reload:
    """Replace the files and reload. Files that were refused are put back.

    Raises:
        ServerGone: nginx does not run, or ended meanwhile.
        DeadlineExceeded: old workers stayed.
    """
    _must_run(running)
    former = running.write(specs, deadline, writing)
    result = reload(running, deadline, drain=drain)
    if not result.applied:
        running.restore(former, deadline)
    return result


def reload(running: RunningNginx, deadline: Deadline, *, drain: bool) -> Reload:
    """Send HUP, and wait until new workers took over or nginx has refused.

    nginx starts new workers and waits 100 ms before it retires the old ones (``ngx_master_process_cycle``); until then
    they go on answering.

    Args:
        running: which nginx.
        deadline: for all of it.
        drain: wait until the old workers are gone; else only until they accept nothing new.

    Raises:
        ServerGone: nginx does not run, or ended meanwhile.
        DeadlineExceeded: old workers stayed.
    """
    _must_run(running)
    journal = running.journal
    journal.read()
    seen, old = len(journal.lines), journal.workers
    running.signal_reload(deadline)

    def settled() -> str | None:
        lines = journal.lines[seen:]
        if emergencies(lines):
            return "refused"
        left = journal.workers & old
        if journal.workers - old and not (left if drain else left - _retiring(lines)):
            return "applied"
        return "gone" if running.exit_reason() else None

    verdict = journal.wait_for(settled, deadline)
    log, given = journal.lines[seen:], running.bundle.config
    if verdict == "refused":
        return Reload(False, "; ".join(emergencies(log)), given, log)
    if verdict == "applied":
        left = len(journal.workers & old)
        if left:
            # A worker says that it retires, and then closes its listening sockets (ngx_worker_process_cycle).
            time.sleep(_CLOSING_SECONDS)
        return Reload(True, None, given, log, left)
    if verdict == "gone":
        raise ServerGone("nginx ended while it was told to reload.", log=log, config=given)
    raise deadline.exceeded(
        f"old workers {sorted(journal.workers & old)} to end after a reload "
        "(they stay while a connection of theirs is in use; drain=False does not wait for those)",
        "\n".join(log[-5:]) or "nothing in the log",
    )


def _must_run(running: RunningNginx) -> None:
    if (ended := running.exit_reason()) is not None:
        raise ServerGone(
            f"nginx is not running any more ({ended}), so there is nothing to reload.", log=running.journal.lines
        )


def _retiring(lines: Sequence[str]) -> set[int]:
    return {int(found[1]) for line in lines if (found := _RETIRING.search(line))}
