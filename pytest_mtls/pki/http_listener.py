"""A small HTTP server in a thread of its own, which can be late, silent or shut on purpose.

It knows nothing of what it serves: one function turns a request into a reply. Each connection carries one request, as
nginx and ``openssl ocsp`` ask. There is one thread, whatever the number of addresses and of replies that wait.
"""

from __future__ import annotations

import contextlib
import logging
import re
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from pytest_mtls.reach import hear_this_machine_only

_TICK: Final = 1.0
_LONGEST_HOLD: Final = 600.0
"""No connection is kept for longer, whatever it waits for."""
_LARGEST_REQUEST: Final = 1 << 20

_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE: Final = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\r?\n")
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d+)[ \t]*\r?$", re.I | re.M)
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_FAILED: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, as far as it matters here."""

    method: str
    target: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back.

    Attributes:
        content: every byte of it; ``None`` says nothing, ever.
        delay: seconds to wait before.
    """

    content: bytes | None
    delay: float = 0.0


@dataclass(slots=True)
class _Talk:
    """One connection: what came so far, and what is to go back at which time."""

    expires: float
    received: bytearray = field(default_factory=bytearray)
    content: bytes | None = None
    due: float = 0.0


class HttpListener:
    """Listens on addresses of this machine, each opened when it is first asked for.

    Args:
        answer: called in the listener's thread, with one request at a time.
    """

    def __init__(self, answer: Callable[[HttpRequest], Reply]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._held: dict[str, socket.socket] = {}
        self._listening: list[socket.socket] = []
        self._up = True
        self._closed = False
        self._commands: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._thread: threading.Thread | None = None

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def port_on(self, host: str) -> int:
        """The port on that address, the same each time.

        Raises:
            OSError: it cannot be listened on.
        """
        with self._lock:
            if host not in self._held:
                self._held[host] = _bound(host, 0)
                self._in_thread(self._arrange)
            return int(self._held[host].getsockname()[1])

    def set_up(self, up: bool) -> None:
        """Listen, or refuse connections as if nobody were there; the ports stay reserved. In force on return."""
        with self._lock:
            if up != self._up:
                self._up = up
                self._in_thread(self._arrange)

    def hang_up(self) -> None:
        """Close the connections that were to get no answer."""
        with self._lock:
            if self._thread is not None:
                self._in_thread(self._end_the_silent)

    def close(self) -> None:
        """Let go of everything. Doing so twice is no error."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._up = False
            thread = self._thread
        if thread is None:
            return
        with contextlib.suppress(OSError):  # the thread may have seen it already, and closed its end
            self._wake.send(b"x")
        # A responder that nobody refers to any more may be collected in the listener's own thread.
        if thread is not threading.current_thread():
            thread.join(2 * _TICK)
        self._wake.close()

    def _in_thread(self, act: Callable[[], None]) -> None:
        """Have the thread do something that it alone may do, and wait until it has."""
        if self._closed:
            return
        if self._thread is None:
            self._selector = selectors.DefaultSelector()
            self._wake, self._woken = socket.socketpair()
            self._selector.register(self._woken, selectors.EVENT_READ)
            self._thread = threading.Thread(target=self._serve, name="pytest-mtls OCSP responder", daemon=True)
            self._thread.start()
        done: Future[None] = Future()
        self._commands.append((act, done))
        self._wake.send(b"x")
        done.result(5 * _TICK)

    def _arrange(self) -> None:
        """Listen on every address, or on none, in which case those who still wait for an answer lose it."""
        if self._up:
            known = {listening.getsockname() for listening in self._listening}
            for host, held in self._held.items():
                if (address := held.getsockname()) not in known:
                    listening = _bound(host, address[1])
                    listening.listen(128)
                    listening.setblocking(False)
                    self._selector.register(listening, selectors.EVENT_READ)
                    self._listening.append(listening)
            return
        for listening in self._listening:
            self._selector.unregister(listening)
            listening.close()
        self._listening.clear()
        for connection, _ in self._talks():
            self._end(connection)

    def _end_the_silent(self) -> None:
        for connection, talk in self._talks():
            if talk.content is None and talk.due:
                self._end(connection)

    def _serve(self) -> None:
        try:
            while not self._closed:
                for key, _ in self._selector.select(self._patience()):
                    if key.fileobj is self._woken:
                        self._woken.recv(64)
                    elif key.data is None:
                        self._accept(key.fileobj)  # type: ignore[arg-type]
                    else:
                        self._receive(key.fileobj, key.data)  # type: ignore[arg-type]
                while self._commands:
                    _obey(*self._commands.popleft())
                self._send_what_is_due()
        finally:
            self._up = False
            self._arrange()
            for each in (*self._held.values(), self._woken):
                each.close()
            self._selector.close()

    def _talks(self) -> list[tuple[socket.socket, _Talk]]:
        return [(key.fileobj, key.data) for key in self._selector.get_map().values() if key.data is not None]  # type: ignore[misc]

    def _patience(self) -> float:
        moments = [talk.due if talk.content is not None else talk.expires for _, talk in self._talks()]
        return max(0.0, min([_TICK, *(moment - time.monotonic() for moment in moments)]))

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listening.accept()
            connection.settimeout(_TICK)
            self._selector.register(connection, selectors.EVENT_READ, _Talk(time.monotonic() + _LONGEST_HOLD))

    def _receive(self, connection: socket.socket, talk: _Talk) -> None:
        try:
            data = connection.recv(1 << 16)
        except OSError:
            data = b""
        talk.received += data
        if not data or len(talk.received) > _LARGEST_REQUEST:
            self._end(connection)
        elif talk.content is None and talk.due == 0 and (reply := self._reply_to(bytes(talk.received))) is not None:
            talk.content, talk.due = reply.content, time.monotonic() + reply.delay

    def _reply_to(self, received: bytes) -> Reply | None:
        """The reply, once the request is whole."""
        end = _HEAD_END.search(received)
        if end is None:
            return None
        head = received[: end.end()]
        length = _LENGTH.search(head)
        body = received[end.end() :]
        if length and len(body) < int(length[1]):
            return None
        line = _REQUEST_LINE.match(head)
        if line is None:
            return Reply(_BAD_REQUEST)
        try:
            return self._answer(HttpRequest(line[1].decode(), line[2].decode("latin-1"), body))
        except Exception:
            # The thread serves others too; whoever reads the log, or pytest's report of it, sees what went wrong.
            logging.getLogger(__name__).exception("no answer to %s", line[0])
            return Reply(_FAILED)

    def _send_what_is_due(self) -> None:
        now = time.monotonic()
        for connection, talk in self._talks():
            if talk.content is not None and talk.due <= now:
                with contextlib.suppress(OSError):
                    connection.sendall(talk.content)
                    connection.shutdown(socket.SHUT_WR)
                self._end(connection)
            elif talk.expires <= now:
                self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()


def _obey(act: Callable[[], None], done: Future[None]) -> None:
    try:
        act()
    except OSError as error:
        done.set_exception(error)
    else:
        done.set_result(None)


def _bound(host: str, port: int) -> socket.socket:
    """A socket with that address that does not listen yet: connections are refused, and nobody else gets the port.

    With SO_REUSEADDR Linux lets several hold one address as long as only one listens (socket(7)).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
        hear_this_machine_only(held)
    except OSError:
        held.close()
        raise
    return held
