"""Many TCP connections through one stream of bytes, such as a container's input and output.

Both ends run this file: the near one in this process (``tunnel.py``), the far one as a program in a container beside
nginx's, where there is nothing but Python. So it is standard library only and nothing of this package. Started with
``--files`` it says instead what a container needs to run it: the files that it has loaded.

A frame is the number of a connection, a kind, a length and a payload. Whoever accepted a connection numbers it, the
near end evenly and the far end oddly.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import sys
from collections.abc import Callable
from typing import Protocol

_HEADER = struct.Struct(">IBI")
OPEN, DATA, TAKEN, END, RESET, LISTEN, LISTENS = range(7)
"""Payloads: what to connect to; bytes; how many of them were passed on; none; none; a port; an error or nothing."""

_PIECE = 1 << 16
_WINDOW = 1 << 20
_TICK = 1.0
_BACKLOG = 511
_AT_ONCE = struct.pack("ii", 1, 0)


class Stream(Protocol):
    """What lies between the two ends. Neither method blocks: each raises BlockingIOError where it would."""

    reading: int
    writing: int

    def receive(self) -> bytes:
        """What has come. Raises EOFError after the last of it."""

    def send(self, data: memoryview) -> int:
        """How much of it was taken."""


class StandardStreams:
    """This process's input and output."""

    reading, writing = 0, 1

    def __init__(self) -> None:
        for each in (self.reading, self.writing):
            os.set_blocking(each, False)

    def receive(self) -> bytes:
        """What has come."""
        data = os.read(self.reading, _PIECE)
        if not data:
            raise EOFError
        return data

    def send(self, data: memoryview) -> int:
        """How much of it was taken."""
        return os.write(self.writing, data)


class _Connection:
    """One TCP connection at this end: what is to be written to it, and what the other end has not passed on yet."""

    def __init__(self, number: int, own: socket.socket, *, connected: bool) -> None:
        self.number = number
        self.socket = own
        self.connected = connected
        self.waiting = bytearray()
        self.unconfirmed = 0
        self.read_to_end = False
        self.written_to_end = False

    @property
    def events(self) -> int:
        """What to watch it for."""
        reading = self.connected and not self.read_to_end and self.unconfirmed < _WINDOW
        writing = not self.connected or self.waiting
        return (selectors.EVENT_READ if reading else 0) | (selectors.EVENT_WRITE if writing else 0)


class Multiplexer:
    """One end.

    Args:
        stream: to the other end.
        first: the number of the first connection that is accepted here.
        reach: begins to connect to what the other end asks for; raises OSError where that may not or cannot be reached.
    """

    def __init__(self, stream: Stream, first: int, reach: Callable[[str], socket.socket]) -> None:
        self._stream = stream
        self._number = first
        self._reach = reach
        self._selector = selectors.DefaultSelector()
        self._selector.register(stream.reading, selectors.EVENT_READ, self._receive)
        self._connections: dict[int, _Connection] = {}
        self._listening: set[socket.socket] = set()
        self._received = bytearray()
        self._to_send = bytearray()
        self._ended = False

    def serve(self) -> None:
        """Until the stream ends."""
        try:
            while not self._ended:
                for key, events in self._selector.select(_TICK):
                    with contextlib.suppress(KeyError):  # closed by what came before it
                        key.data(events)
                self._send()
        finally:
            for connection in list(self._connections.values()):
                self._close(connection, at_once=True)
            for listening in self._listening:
                listening.close()
            self._selector.close()

    def end(self) -> None:
        """Let :meth:`serve` return."""
        self._ended = True

    def watch(self, own: socket.socket, act: Callable[[int], None]) -> None:
        """Call ``act`` whenever something can be read there."""
        self._selector.register(own, selectors.EVENT_READ, act)

    def accept_for(self, listening: socket.socket, target: Callable[[], str]) -> None:
        """Connect whoever comes there to ``target()`` at the other end."""
        listening.setblocking(False)
        self._listening.add(listening)
        self.watch(listening, lambda _: self._accept(listening, target()))

    def close_listening(self, listening: socket.socket) -> None:
        """Accept no more there; connections that are open stay."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(listening)
        self._listening.discard(listening)
        listening.close()

    def tell(self, number: int, kind: int, payload: bytes = b"") -> None:
        """Send one frame, as soon as the stream takes it."""
        self._to_send += _HEADER.pack(number, kind, len(payload)) + payload

    def handle(self, number: int, kind: int, payload: bytes) -> None:
        """Do what a frame says."""
        if kind == OPEN:
            self._open(number, payload.decode())
        elif (connection := self._connections.get(number)) is None:
            return  # closed here while that was under way
        elif kind == DATA:
            connection.waiting += payload
            self._write(connection)
        elif kind == TAKEN:
            connection.unconfirmed -= int(payload)
            self._watch(connection)
        elif kind == END:
            connection.written_to_end = True
            self._write(connection)
        else:
            self._close(connection, at_once=True)

    def _accept(self, listening: socket.socket, target: str) -> None:
        with contextlib.suppress(OSError):
            accepted, _ = listening.accept()
            number, self._number = self._number, self._number + 2
            self.tell(number, OPEN, target.encode())
            self._add(_Connection(number, accepted, connected=True))

    def _open(self, number: int, target: str) -> None:
        try:
            self._add(_Connection(number, self._reach(target), connected=False))
        except OSError:
            self.tell(number, RESET)

    def _add(self, connection: _Connection) -> None:
        connection.socket.setblocking(False)
        with contextlib.suppress(OSError):
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connection.number] = connection
        self._watch(connection)

    def _watch(self, connection: _Connection) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection.socket)
        if connection.number in self._connections and connection.events:
            self._selector.register(connection.socket, connection.events, lambda events: self._act(connection, events))

    def _act(self, connection: _Connection, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._write(connection)
        if events & selectors.EVENT_READ and connection.number in self._connections:
            self._read(connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            self._reset(connection)
            return
        if data:
            connection.unconfirmed += len(data)
            self.tell(connection.number, DATA, data)
        else:
            connection.read_to_end = True
            self.tell(connection.number, END)
        self._settle(connection)

    def _write(self, connection: _Connection) -> None:
        try:
            if not connection.connected and not self._has_connected(connection):
                return
            if connection.waiting:
                taken = connection.socket.send(connection.waiting)
                del connection.waiting[:taken]
                self.tell(connection.number, TAKEN, str(taken).encode())
            if connection.written_to_end and not connection.waiting:
                connection.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self._reset(connection)
            return
        self._settle(connection)

    def _has_connected(self, connection: _Connection) -> bool:
        if error := connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))
        try:
            connection.socket.getpeername()
        except OSError:
            return False
        connection.connected = True
        return True

    def _settle(self, connection: _Connection) -> None:
        if connection.read_to_end and connection.written_to_end and not connection.waiting:
            self._close(connection)
        else:
            self._watch(connection)

    def _reset(self, connection: _Connection) -> None:
        self.tell(connection.number, RESET)
        self._close(connection, at_once=True)

    def _close(self, connection: _Connection, *, at_once: bool = False) -> None:
        del self._connections[connection.number]
        self._watch(connection)
        if at_once:
            with contextlib.suppress(OSError):
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        connection.socket.close()

    def _receive(self, _: int) -> None:
        # Whatever TLS has decrypted no selector tells of, so it is read until there is no more.
        try:
            while not self._ended:
                self._received += self._stream.receive()
                self._take()
        except BlockingIOError:
            pass
        except (EOFError, OSError, ValueError):
            self._ended = True

    def _take(self) -> None:
        while len(self._received) >= _HEADER.size:
            number, kind, length = _HEADER.unpack_from(self._received)
            if length > _PIECE or kind > LISTENS:
                raise ValueError("not a frame")
            if len(self._received) < _HEADER.size + length:
                return
            payload = bytes(self._received[_HEADER.size : _HEADER.size + length])
            del self._received[: _HEADER.size + length]
            self.handle(number, kind, payload)

    def _send(self) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(self._stream.writing)
        try:
            while self._to_send and not self._ended:
                with memoryview(self._to_send) as whole, whole[:_PIECE] as piece:
                    sent = self._stream.send(piece)
                del self._to_send[:sent]
        except BlockingIOError:
            self._selector.register(self._stream.writing, selectors.EVENT_WRITE, lambda _: None)
        except OSError:
            self._ended = True


class FarEnd(Multiplexer):
    """The end in the container: connects where it is told to, and listens where it is told to."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, 1, begin_connecting)

    def handle(self, number: int, kind: int, payload: bytes) -> None:
        """Do what a frame says."""
        if kind != LISTEN:
            return super().handle(number, kind, payload)
        port = payload.decode()
        try:
            self.accept_for(socket.create_server(("", int(port)), backlog=_BACKLOG), lambda: port)
        except OSError as error:
            return self.tell(number, LISTENS, str(error).encode())
        return self.tell(number, LISTENS)


def begin_connecting(target: str) -> socket.socket:
    """A socket that is about to be connected to ``host:port``."""
    host, _, port = target.rpartition(":")
    connecting = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    connecting.setblocking(False)
    try:
        connecting.connect((host, int(port)))
    except BlockingIOError:
        pass
    except BaseException:
        connecting.close()
        raise
    return connecting


def loaded_files() -> list[str]:
    """What this process has loaded: programs, libraries, modules."""
    with open("/proc/self/maps") as maps:
        mapped = {line.split(None, 5)[5].strip() for line in maps if "/" in line}
    found = mapped | {getattr(each, "__file__", None) or "" for each in list(sys.modules.values())}
    for name in list(sys.modules):
        package, _, module = name.rpartition(".")
        # A module may put another one in its place, and no longer be known by its own file.
        found |= {f"{folder}/{module}.py" for folder in getattr(sys.modules.get(package), "__path__", ())}
    for library in mapped:
        # Libraries are looked for by names that are links to theirs (libz.so.1 -> libz.so.1.2.13).
        folder, stem = os.path.dirname(library), os.path.basename(library).partition(".so")[0]
        if ".so" in library:
            links = [f"{folder}/{each}" for each in os.listdir(folder) if each.startswith(f"{stem}.so")]
            found |= {each for each in links if os.path.realpath(each) == library}
    return sorted(each for each in found - {__file__} if os.path.isfile(each))


if __name__ == "__main__":
    if sys.argv[1:] == ["--files"]:
        print("\n".join(loaded_files()))
    else:
        FarEnd(StandardStreams()).serve()
