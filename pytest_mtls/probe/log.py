"""What nginx's log says of one connection: which part of it that is, and when all of it is there."""

from __future__ import annotations

from typing import Final

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.journal import ConnectionLog, Record
from pytest_mtls.engines.protocol import RunningNginx
from pytest_mtls.errors import ServerGone
from pytest_mtls.probe.channel import Channel, Ending

_GRACE: Final = 2.0
_GRACE_UNANSWERED: Final = 0.5
"""Where no answer came, nginx may have nothing to say either: it closed an idle connection."""
_GRACE_TIMEOUT: Final = 0.25
"""Where the client gave up, nginx may be waiting for somebody as well, and says nothing until that is over."""
_GRACE_LATE: Final = 0.4
"""Where the time for a request is over, whatever came of it."""


class LogWitness:
    """Finds a connection in nginx's log, and gives each line of it once."""

    def __init__(self, running: RunningNginx, channel: Channel, *, newer_than: int, sees_port: bool) -> None:
        self._running = running
        self._channel = channel
        self._newer_than = newer_than
        self._sees_port = sees_port
        self._log: ConnectionLog | None = None
        self._records_read = 0
        self._lines_read = 0
        self._crashes_before = len(running.journal.crashes)

    def await_all(self, *, answered: bool, deadline: Deadline | None = None) -> ConnectionLog | None:
        """Wait for nginx to have written what it has to say: it answers first and logs afterwards.

        Args:
            answered: whether it did.
            deadline: of the request; the log may come a little later.

        Raises:
            ServerGone: nginx has died, and did not get to say what it had to.
        """
        journal = self._running.journal

        def written() -> ConnectionLog | None:
            seen = self._find()
            if seen is None:
                return None
            if len(seen.records) > self._records_read or (not answered and len(seen.lines) > self._lines_read):
                return seen
            return None

        grace = _GRACE if answered else _GRACE_UNANSWERED
        if self._channel.evidence.ending is Ending.TIMEOUT:
            grace = _GRACE_TIMEOUT
        if deadline is not None:
            grace = min(grace, max(deadline.remaining, _GRACE_LATE))
        cut_off = journal.interruptions
        seen = journal.wait_for(written, Deadline.after(grace))
        if seen is None and (ended := self._running.exit_reason()) is not None:
            # Whoever answered, it was not this nginx: the address of one that is gone is soon somebody else's.
            raise ServerGone(f"nginx has died meanwhile ({ended}); its log has the reason.", log=journal.lines)
        if seen is None and journal.interruptions > cut_off:
            seen = journal.wait_for(written, Deadline.after(grace))
        return seen or self._log

    def so_far(self) -> ConnectionLog | None:
        """What is there at the moment."""
        self._running.journal.read()
        return self._find()

    def take(self, log: ConnectionLog | None) -> tuple[tuple[str, ...], Record | None]:
        """The lines and the latest record that have not been taken yet. Where there is no record, a worker may have
        crashed over the request: nginx says so without the connection's number."""
        crashes = tuple(self._running.journal.crashes[self._crashes_before :])
        if log is None:
            return crashes, None
        lines = tuple(log.lines[self._lines_read :])
        record = log.records[-1] if len(log.records) > self._records_read else None
        self._records_read, self._lines_read = len(log.records), len(log.lines)
        return lines if record else (*lines, *crashes), record

    def forget(self) -> None:
        """Nobody will ask again."""
        if self._log is not None:
            self._running.journal.forget(self._log.number)

    def _find(self) -> ConnectionLog | None:
        if self._log is None:
            journal, peer = self._running.journal, str(self._channel.local)
            if self._sees_port:
                self._log = journal.from_peer(peer, after=self._newer_than)
            if self._log is None and not (self._sees_port and self._running.build.has_debug):
                # Without the line at accept a failed handshake names no port: the oldest that can be ours is taken.
                self._log = journal.first_after(self._newer_than, peer=peer if self._sees_port else None)
        return self._log
