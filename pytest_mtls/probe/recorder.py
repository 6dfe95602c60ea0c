"""The upstream: records what nginx sends it, byte for byte, and answers.

An HTTP request is answered with what was received, as JSON, and with the number under which it was recorded in a
response header, so that whoever asked finds exactly its own request again. One that asks for an upgrade gets it (101),
and is echoed from then on, as a byte stream is.
"""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import socket
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from pytest_mtls.headers import Headers
from pytest_mtls.reach import hear_this_machine_only

RECORD_HEADER: Final = "X-Pytest-Mtls-Record"
_KEPT: Final = 4096
_LARGEST_REQUEST: Final = 64 << 20
_TICK: Final = 1.0

_HEAD_END: Final = re.compile(rb"\n\r?\n")  # beginning with an optional character it would take thirty times as long
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d+)[ \t]*\r?$", re.I | re.M)
_CHUNKED: Final = re.compile(rb"^transfer-encoding:.*\bchunked\b", re.I | re.M)
_CHUNKS_END: Final = re.compile(rb"(?:^|\r\n)0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n")


class Forwarded(Headers):
    """A request as the upstream received it: its header fields as a multi-dict, and the rest as attributes.

    Attributes:
        method: of the request line.
        target: of the request line.
        version: of the request line, such as ``HTTP/1.1``.
        body: after the header section, undecoded.
        raw: every byte. A folded header value keeps its line breaks there and in the value.
    """

    __slots__ = ("body", "method", "raw", "target", "version")

    def __init__(self, raw: bytes) -> None:
        end = _HEAD_END.search(raw)
        head = raw[: end.start()] if end else raw
        first, _, rest = head.partition(b"\n")
        parts = first.rstrip(b"\r").decode("latin-1").split(" ")
        self.raw = raw
        self.method = parts[0]
        self.target = " ".join(parts[1:-1])
        self.version = parts[-1]
        self.body = raw[end.end() :] if end else b""
        super().__init__(_fields(rest))

    @property
    def asks_for_upgrade(self) -> bool:
        """Whether it asks to go on with another protocol (RFC 9110 section 7.8)."""
        options = {option.strip().lower() for value in self.get_all("Connection") for option in value.split(",")}
        return self.version == "HTTP/1.1" and "upgrade" in options and "Upgrade" in self

    def to_json(self) -> dict[str, object]:
        """For the answer: what an application would have seen."""
        return {
            "method": self.method,
            "target": self.target,
            "headers": {name: ", ".join(self.get_all(name)) for name in self},
            "body": self.body.decode("utf-8", "replace"),
        }


def _fields(section: bytes) -> Iterable[tuple[str, str]]:
    name, value = "", ""
    for line in re.split(r"(?<=\n)", section.decode("latin-1")):
        if line[:1] in (" ", "\t") and name:
            value += line
            continue
        if name:
            yield name, value.strip(" \t\r\n")
        name, _, value = line.partition(":") if ":" in line else ("", "", "")
    if name:
        yield name, value.strip(" \t\r\n")


class _HttpTalk:
    """One connection of nginx's: requests one after another; after one that asks for an upgrade, an echo."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._received = b""
        self._upgraded = False

    def receive(self, data: bytes) -> bytes:
        if self._upgraded:
            return data
        self._received += data
        answers = b""
        while not self._upgraded and (size := _request_size(self._received)) is not None:
            raw, self._received = self._received[:size], self._received[size:]
            request = Forwarded(raw)
            answers += self._recorder.record(request)
            self._upgraded = request.asks_for_upgrade
        if self._upgraded:
            early, self._received = self._received, b""
            return answers + early
        if len(self._received) > _LARGEST_REQUEST:
            raise OSError("a request larger than any test needs")
        return answers

    def end(self) -> None:
        # What nginx sent and did not finish was received all the same.
        if self._received:
            self._recorder.record(Forwarded(self._received))


class _EchoTalk:
    """One connection that gets back what it sent."""

    def receive(self, data: bytes) -> bytes:
        return data

    def end(self) -> None:
        pass


def _request_size(received: bytes) -> int | None:
    """How many bytes the first whole request takes; ``None`` while it is not whole."""
    end = _HEAD_END.search(received)
    if end is None:
        return None
    head = received[: end.start()]
    if _CHUNKED.search(head):
        chunks = _CHUNKS_END.search(received, end.end())
        return chunks.end() if chunks else None
    length = _LENGTH.search(head)
    size = end.end() + (int(length[1]) if length else 0)
    return size if len(received) >= size else None


class Recorder:
    """Two listening sockets, one for HTTP and one for byte streams, served by one thread.

    Args:
        host: the address to listen on; for containers the address of their network on this machine, so that nothing
            beyond this machine reaches it.

    Raises:
        OSError: that address cannot be listened on.
    """

    def __init__(self, host: str) -> None:
        self._lock = threading.Lock()
        self._recorded: OrderedDict[int, Forwarded] = OrderedDict()
        self._count = 0
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        listening: list[socket.socket] = []
        try:
            for _ in ("http", "stream"):
                listening.append(self._listen(host))
        except OSError:
            for each in (*listening, self._wake, self._woken):
                each.close()
            self._selector.close()
            raise
        self._http, self._stream = listening
        self._thread = threading.Thread(target=self._serve, name="pytest-mtls recorder", daemon=True)
        self._thread.start()

    @property
    def http_port(self) -> int:
        """Where HTTP is recorded."""
        return int(self._http.getsockname()[1])

    @property
    def stream_port(self) -> int:
        """Where byte streams are echoed."""
        return int(self._stream.getsockname()[1])

    def take(self, number: str | None) -> Forwarded | None:
        """The request recorded under that number, as the response named it; ``None`` for ``None`` and what is not
        there."""
        if number is None or not number.isdigit():
            return None
        with self._lock:
            return self._recorded.get(int(number))

    def record(self, request: Forwarded) -> bytes:
        """Remember a request; returns the answer to it."""
        with self._lock:
            self._count += 1
            number = self._count
            self._recorded[number] = request
            if len(self._recorded) > _KEPT:
                self._recorded.popitem(last=False)
        if request.asks_for_upgrade:
            return (
                f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {request['Upgrade']}\r\nConnection: upgrade\r\n"
                f"{RECORD_HEADER}: {number}\r\n\r\n"
            ).encode("latin-1")
        body = json.dumps(request.to_json()).encode() + b"\n"
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{RECORD_HEADER}: {number}\r\n\r\n"
        ).encode()
        return head if request.method == "HEAD" else head + body

    def close(self) -> None:
        """Stop serving. Doing so twice is no error."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._wake.send(b"x")
        self._thread.join(_TICK)
        for each in (self._http, self._stream, self._wake, self._woken):
            each.close()
        self._selector.close()

    def _listen(self, host: str) -> socket.socket:
        listening = socket.create_server((host, 0), backlog=511)
        hear_this_machine_only(listening)
        listening.setblocking(False)
        self._selector.register(listening, selectors.EVENT_READ)
        return listening

    def _serve(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(_TICK):
                listening = key.fileobj
                if listening is self._http or listening is self._stream:
                    self._accept(listening)
                elif key.data is not None:
                    self._receive(key.fileobj, key.data)  # type: ignore[arg-type]
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                key.fileobj.close()  # type: ignore[union-attr]

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listening.accept()
            connection.settimeout(_TICK)
            talk = _HttpTalk(self) if listening is self._http else _EchoTalk()
            self._selector.register(connection, selectors.EVENT_READ, talk)

    def _receive(self, connection: socket.socket, talk: _HttpTalk | _EchoTalk) -> None:
        try:
            data = connection.recv(1 << 16)
            if data:
                answer = talk.receive(data)
                if answer:
                    connection.sendall(answer)
                return
        except OSError:
            pass
        self._selector.unregister(connection)
        connection.close()
        talk.end()
