"""nginx's log, read as it grows and sorted by connection.

nginx numbers its connections (``*7``) and writes that number on every line about one. The debug level ``debug_event``
adds three facts nothing else gives: which peer a connection came from (``accept:``), before any request; OpenSSL's
number for each certificate of the chain (``verify:``, from ``ngx_ssl_verify_callback``), even where the mode tolerates
the error; and when an upstream is turned to (``connect to``). They are kept as facts; other debug lines are dropped.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from pytest_mtls.deadline import Deadline
from pytest_mtls.nginx.bundle import RECORD_PREFIX

T = TypeVar("T")

_NUMBER: Final = re.compile(r"\*(\d+) ")
_ACCEPT: Final = re.compile(r"\*(\d+) accept: (\S+) fd:")
_VERIFY: Final = re.compile(r"\*(\d+) verify:(\d+), error:(\d+), depth:(\d+), subject:\"(.*)\", issuer:\"(.*)\"$")
_CONNECT: Final = re.compile(r"\*(\d+) connect to ")
_KEPT: Final = re.compile(rb" accept: | verify:| connect to ")
"""Of the debug lines, some seventy for each connection, those with one of these are kept."""
_WORKER_STARTED: Final = re.compile(r"\[notice\] \d+#\d+: start worker process (\d+)$")
_WORKER_ENDED: Final = re.compile(r": worker process (\d+) exited ")


@dataclass(frozen=True, slots=True)
class Verification:
    """One call of OpenSSL's verify callback.

    Attributes:
        error: the ``X509_V_ERR_*`` number that stood at that moment.
        depth: 0 is the leaf.
        subject: of that certificate, in OpenSSL's one-line form.
    """

    error: int
    depth: int
    subject: str


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the access log that our ``log_format`` wrote.

    Attributes:
        connection: nginx's number of the connection.
        peer: ``address:port`` as nginx saw it.
        status: as nginx logged it.
        upstream_contacted: whether a connection to the upstream was made.
        variables: the ``$ssl_*`` variables, by name.
    """

    connection: int
    peer: str
    status: int
    upstream_contacted: bool
    variables: dict[str, str]

    @classmethod
    def from_line(cls, line: str) -> Record:
        """Read one line."""
        values: dict[str, Any] = json.loads(line)
        return cls(
            connection=int(values["connection"]),
            peer=values["peer"],
            status=int(values["status"] or 0),
            upstream_contacted=any(part.strip() not in ("", "-") for part in values["upstream"].split(",")),
            variables={name: value for name, value in values.items() if name.startswith("ssl_")},
        )


@dataclass(slots=True)
class ConnectionLog:
    """Everything the log said about one connection so far.

    Attributes:
        number: nginx's.
        peer: ``address:port`` it came from.
        lines: those for a human.
        passed_on: whether nginx has connected to somebody on its behalf. From then on ``verify:`` lines under its
            number are about an upstream's certificate (with 1.30 and 1.31), and no longer about the client's.
        verifications: of the client's chain.
        records: of the access log.
    """

    number: int
    peer: str | None = None
    lines: list[str] = field(default_factory=list)
    passed_on: bool = False
    verifications: list[Verification] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


class LogSource(Protocol):
    """Where log bytes come from."""

    def read(self, timeout: float) -> bytes:
        """What is new, waiting for at most ``timeout`` seconds; empty where nothing came."""

    def check(self) -> None:
        """Nothing came that was waited for.

        Raises:
            WorkspaceUnavailable: nothing can come.
        """

    def close(self) -> None:
        """Let go of it."""


class Journal:
    """The log of one nginx. Safe to use from several threads; whoever waits reads for all.

    Attributes:
        turn: held by whoever can tell its connection only by its order among all of this nginx.
        crashes: what nginx said of workers that a signal has ended.
        interruptions: how often the log was cut off and taken up again.
    """

    def __init__(self, source: LogSource) -> None:
        self.turn = threading.RLock()
        self.crashes: list[str] = []
        self.interruptions = 0
        self._source = source
        self._lock = threading.RLock()
        self._rest = b""
        self._taken_in = 0
        self._to_leave_out = 0
        self._lines: list[str] = []
        self._connections: dict[int, ConnectionLog] = {}
        self._by_peer: dict[str, int] = {}
        self._workers: set[int] = set()
        self._highest = 0

    def read(self, timeout: float = 0.0) -> None:
        """Take in what nginx has written, waiting for at most ``timeout`` seconds for something new."""
        with self._lock:
            data = self._source.read(timeout)
            if not data:
                return
            *complete, self._rest = (self._rest + data).split(b"\n")
            known = complete[: self._to_leave_out]
            self._to_leave_out -= len(known)
            self._taken_in += len(complete) - len(known)
            for line in complete[len(known) :]:
                if b" [debug] " not in line or _KEPT.search(line):
                    self._take(line.decode("utf-8", "surrogateescape"))

    def wait_for(self, find: Callable[[], T | None], deadline: Deadline) -> T | None:
        """Read until ``find`` answers something true; ``None`` once the deadline has passed.

        Raises:
            WorkspaceUnavailable: it has, and nginx had nowhere to write.
        """
        while True:
            self.read()
            if found := find():
                return found
            if deadline.expired:
                self._source.check()
                return None
            self.read(min(deadline.remaining, 0.05))

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line so far that is meant for a human."""
        with self._lock:
            return tuple(self._lines)

    @property
    def workers(self) -> frozenset[int]:
        """Process numbers, as nginx sees them, of workers that were started and have not exited."""
        with self._lock:
            return frozenset(self._workers)

    @property
    def highest_connection(self) -> int:
        """The highest connection number seen so far; a connection made from now on has a higher one."""
        with self._lock:
            return self._highest

    def connection(self, number: int) -> ConnectionLog:
        """What is known of a connection."""
        with self._lock:
            return self._connections[number]

    def from_peer(self, peer: str, *, after: int) -> ConnectionLog | None:
        """The connection that came from ``address:port`` and is newer than number ``after``."""
        with self._lock:
            number = self._by_peer.get(peer, 0)
            return self._connections[number] if number > after else None

    def first_after(self, after: int, *, peer: str | None = None) -> ConnectionLog | None:
        """The oldest connection from a client that is newer than number ``after``.

        Args:
            after: a connection's number.
            peer: leave out those that are known to have come from elsewhere.
        """
        with self._lock:
            for number in sorted(self._connections):
                seen = self._connections[number]
                if number > after and (seen.peer or seen.lines) and (peer is None or seen.peer in (None, peer)):
                    return seen
            return None

    def begin_anew(self, source: LogSource | None = None) -> None:
        """Another nginx process writes from now on: its connections are numbered from 1 again. The lines so far stay.

        Args:
            source: where its log comes from; ``None`` where that is the same as before.
        """
        with self._lock:
            self.read()
            if source is not None:
                self._source.close()
                self._source = source
            self._connections.clear()
            self._by_peer.clear()
            self._workers.clear()
            self._highest = 0

    def resume(self, source: LogSource) -> None:
        """The log was cut off, and is to be had again from its beginning: what was taken in already is left out."""
        with self._lock:
            self.read()
            self._source.close()
            self._source = source
            self._rest, self._to_leave_out = b"", self._taken_in
            self.interruptions += 1

    def forget(self, number: int) -> None:
        """Drop what is known of a connection that nobody will ask about again."""
        with self._lock:
            dropped = self._connections.pop(number, None)
            if dropped and dropped.peer and self._by_peer.get(dropped.peer) == number:
                del self._by_peer[dropped.peer]

    def close(self) -> None:
        """Take in the last lines and let go of the source."""
        with self._lock:
            self.read()
            self._source.close()

    def _take(self, line: str) -> None:
        if line.startswith(RECORD_PREFIX):
            self._take_record(Record.from_line(line))
        elif " [debug] " in line:
            self._take_debug(line)
        elif line:
            self._lines.append(line)
            self._take_worker(line)
            if number := _NUMBER.search(line):
                self._of(int(number[1])).lines.append(line)

    def _take_record(self, record: Record) -> None:
        seen = self._of(record.connection)
        seen.records.append(record)
        self._came_from(seen, record.peer)

    def _take_debug(self, line: str) -> None:
        if accept := _ACCEPT.search(line):
            self._came_from(self._of(int(accept[1])), accept[2])
        elif verify := _VERIFY.search(line):
            number, _, error, depth, subject, _ = verify.groups()
            if not (seen := self._of(int(number))).passed_on:
                seen.verifications.append(Verification(int(error), int(depth), subject))
        elif connect := _CONNECT.search(line):
            self._of(int(connect[1])).passed_on = True

    def _take_worker(self, line: str) -> None:
        if started := _WORKER_STARTED.search(line):
            self._workers.add(int(started[1]))
        elif ended := _WORKER_ENDED.search(line):
            self._workers.discard(int(ended[1]))
            if " exited on signal " in line:
                self.crashes.append(line)

    def _came_from(self, seen: ConnectionLog, peer: str) -> None:
        if seen.peer is None:
            seen.peer = peer
            self._by_peer[peer] = seen.number

    def _of(self, number: int) -> ConnectionLog:
        self._highest = max(self._highest, number)
        return self._connections.setdefault(number, ConnectionLog(number))
