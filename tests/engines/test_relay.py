"""Many connections through one stream: what either end does with each, and with a stream that is not one of ours."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from pytest_mtls.engines.relay import DATA, OPEN, Multiplexer, begin_connecting

_SECONDS = 10


class _SocketStream:
    def __init__(self, own: socket.socket) -> None:
        own.setblocking(False)
        self._own = own
        self._second = own.dup()
        self.reading, self.writing = own.fileno(), self._second.fileno()

    def receive(self) -> bytes:
        if not (data := self._own.recv(1 << 16)):
            raise EOFError
        return data

    def send(self, data: memoryview) -> int:
        return self._own.send(data)

    def end(self) -> None:
        self._own.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._own.close()
        self._second.close()


@pytest.fixture
def through() -> Iterator[Callable[[int], socket.socket]]:
    """Connect to a port of this machine's by way of two ends."""
    with contextlib.ExitStack() as undoing:
        streams = [_SocketStream(each) for each in socket.socketpair()]
        near, far = (Multiplexer(stream, first, begin_connecting) for first, stream in enumerate(streams, 1))
        opened: list[socket.socket] = []
        threads = [threading.Thread(target=each.serve, daemon=True) for each in (near, far)]

        def connect(port: int) -> socket.socket:
            listening = undoing.enter_context(socket.create_server(("127.0.0.1", 0)))
            near.accept_for(listening, lambda: f"127.0.0.1:{port}")
            opened.append(undoing.enter_context(socket.create_connection(listening.getsockname(), _SECONDS)))
            return opened[-1]

        for each in threads:
            each.start()
        yield connect
        streams[0].end()
        for thread in threads:
            thread.join(_SECONDS)
            assert not thread.is_alive()
        for stream in streams:
            stream.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """What is connected to."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(_SECONDS)
        yield opened


def test_bytes_arrive_as_they_were_sent_and_each_half_ends_on_its_own(
    through: Callable[[int], socket.socket], listening: socket.socket
) -> None:
    """Eight megabytes there, an end, and an answer after it."""
    sent = os.urandom(8 << 20)
    near = through(listening.getsockname()[1])
    far, _ = listening.accept()

    def send() -> None:
        near.sendall(sent)
        near.shutdown(socket.SHUT_WR)

    sending = threading.Thread(target=send, daemon=True)
    sending.start()

    with far, far.makefile("rb") as received:
        assert received.read() == sent
        far.sendall(b"answer")
    assert near.recv(100) == b"answer"
    assert near.recv(100) == b""
    sending.join(_SECONDS)


def test_one_who_does_not_read_stops_the_sender_and_nobody_else(
    through: Callable[[int], socket.socket], listening: socket.socket
) -> None:
    """What waits between the two is a few windows, whatever is sent."""
    stuck = through(listening.getsockname()[1])
    held, _ = listening.accept()
    stuck.settimeout(0.3)
    with pytest.raises(TimeoutError):
        stuck.sendall(bytes(64 << 20))

    lively = through(listening.getsockname()[1])
    far, _ = listening.accept()
    with far, held:
        lively.sendall(b"hello")
        assert far.recv(100) == b"hello"


def test_a_reset_is_a_reset_at_the_other_end(through: Callable[[int], socket.socket], listening: socket.socket) -> None:
    """And a port where nobody listens resets whoever asked for it."""
    near = through(listening.getsockname()[1])
    far, _ = listening.accept()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.close()
    with pytest.raises(ConnectionResetError):
        near.recv(100)

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionResetError):
            through(bound.getsockname()[1]).recv(100)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\1\xff\0\0\0\0",
        b"\0\0\0\1\1\xff\xff\xff\xff",
        # Data for a connection that is not open is dropped, and a target that is none is not reached.
        b"\0\0\0\7" + bytes([DATA]) + b"\0\0\0\1x" + b"\0\0\0\7" + bytes([OPEN]) + b"\0\0\0\5a:b:c",
    ],
)
def test_a_stream_that_is_none_of_ours_ends_it(said: bytes) -> None:
    """Whatever the engine's machine sends, this end lets go."""
    own, other = socket.socketpair()
    stream = _SocketStream(own)
    end = Multiplexer(stream, 2, begin_connecting)
    serving = threading.Thread(target=end.serve, daemon=True)
    serving.start()

    other.sendall(said)
    other.shutdown(socket.SHUT_WR)

    serving.join(_SECONDS)
    assert not serving.is_alive()
    stream.close()
    other.close()
