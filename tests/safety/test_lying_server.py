"""Whatever answers in nginx's place: a typed outcome, in the time that was given, in bounded memory."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mtls import Harness, NginxServer, Outcome
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import Address, Listener
from pytest_mtls.outcome import Layer
from pytest_mtls.probe.channel import Channel, Ending, Evidence, EvidenceSocket
from pytest_mtls.probe.connection import Connection
from pytest_mtls.probe.http import Http1Exchange, Http2Exchange, Request, Response
from tests.safety.lying_server import Say, lying_server

TIMEOUT = 0.3
GRACE = 0.5
MOST_MEMORY = 160 << 20
"""Bytes: an answer may have 32 MiB, and is there twice while it is taken apart."""

TOO_MUCH = {Ending.UNREADABLE, Ending.TIMEOUT}
"""Which of the two comes first depends on the machine."""

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
H2_PREFACE = b"\0\0\0\4\0\0\0\0\0"  # an empty SETTINGS frame


def once(data: bytes, then: Callable[[], None] = lambda: time.sleep(0.05)) -> Say:
    """Send it one time on a connection, then nothing more."""
    told: list[socket.socket] = []

    def say(connection: socket.socket) -> None:
        if connection in told:
            then()
            return
        told.append(connection)
        connection.sendall(data)

    return say


def endless(begin: bytes, again: bytes, pause: float = 0) -> Say:
    """Send the beginning, then the rest over and over."""
    first = once(begin)

    def say(connection: socket.socket) -> None:
        first(connection)
        connection.sendall(again)
        time.sleep(pause)

    return say


def closing(data: bytes) -> Say:
    """Send it and close without a word."""

    def say(connection: socket.socket) -> None:
        connection.sendall(data)
        raise ConnectionError

    return say


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """An HTTP/2 frame (RFC 9113 section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


@pytest.fixture(scope="module")
def real() -> Iterator[NginxServer]:
    """An nginx whose log and recorder stand by, and say nothing of what it is not asked."""
    with Harness.open("process") as harness:
        yield harness.nginx(http2=True)


class Asking:
    """Asks a lying server as if it were that nginx, and measures."""

    def __init__(self, real: NginxServer) -> None:
        self._real = real
        self.seconds = 0.0

    def __call__(self, port: int, *, http2: bool = False) -> Outcome:
        began = time.monotonic()
        outcome = self._ask(port, http2, Deadline.after(TIMEOUT))
        self.seconds = time.monotonic() - began
        return outcome

    def _ask(self, port: int, http2: bool, deadline: Deadline) -> Outcome:
        asked = self._real._asked("localhost", plain=False, credential=None, tls=None, session=None, http2=http2,
                                  security_level=0, obeys_ca_hints=False, signature_algorithms=())  # fmt: skip
        context, hinted = self._real._equipment.contexts.of(asked)
        address = Address("127.0.0.1", port)
        connection = Connection.open(
            asked, context, hinted=hinted, running=self._real.running, listener=Listener(address, address),
            recorder=self._real._equipment.recorder, mode="on", note=lambda outcome: outcome, deadline=deadline,
        )  # fmt: skip
        with connection:
            return connection.ask_once("/", method="GET", headers=(), body=b"", host="localhost", deadline=deadline)


@pytest.fixture
def ask(real: NginxServer) -> Asking:
    """How it is asked."""
    return Asking(real)


def ask_wire(port: int, alpn: str) -> tuple[Response | None, Evidence]:
    """What the wire says alone: nginx's log, which has nothing, is not waited for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    context.sslsocket_class = EvidenceSocket
    deadline = Deadline.after(TIMEOUT)
    channel = Channel.open(
        Address("127.0.0.1", port), context, server_name="localhost", session=None, hinted=None, deadline=deadline
    )
    try:
        assert channel.evidence.alpn == alpn
        exchange = Http2Exchange(channel) if alpn == "h2" else Http1Exchange(channel)
        return exchange.send(Request(method="GET", path="/", host="localhost"), deadline), channel.evidence
    finally:
        channel.close()


@contextlib.contextmanager
def _memory() -> Iterator[list[int]]:
    """By how much this process grew at the most, in bytes."""
    grown, ended = [0], threading.Event()
    before = _resident()

    def watch() -> None:
        while not ended.wait(0.01):
            grown[0] = max(grown[0], _resident() - before)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield grown
    finally:
        ended.set()
        watching.join(5)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_is_measured() -> None:
    """Otherwise the bound could not be broken."""
    with _memory() as used:
        held = b"x" * (MOST_MEMORY + (32 << 20))
        time.sleep(0.1)

    assert used[0] > MOST_MEMORY
    assert held


@pytest.mark.parametrize(
    "say, endings",
    [
        pytest.param(once(b"\x15\x03"), {Ending.TIMEOUT}, id="half a record"),
        pytest.param(closing(b"\x16\x03\x03\x40\x00\x02"), {Ending.CLOSED, Ending.RESET}, id="half a handshake"),
        pytest.param(once(b"SSH-2.0-x\r\n"), {Ending.UNREADABLE}, id="another protocol"),
        pytest.param(once(b"\x16\x03\x03\xff\xff" + b"\0" * 70_000), {Ending.UNREADABLE}, id="a record too long"),
        pytest.param(endless(b"", b"\x16\x03\x03\x00\x01\x00", 0.01), {Ending.UNREADABLE, Ending.TIMEOUT}, id="crumbs"),
        pytest.param(once(b""), {Ending.TIMEOUT}, id="nothing"),
    ],
)
def test_what_is_no_tls(ask: Asking, say: Say, endings: set[Ending]) -> None:
    """The outcome is one of the TLS layer, and says how it ended."""
    with lying_server(say) as port:
        outcome = ask(port)

    assert outcome.layer is Layer.TLS
    assert outcome.ending in endings
    assert not outcome.accepted
    assert ask.seconds < TIMEOUT + GRACE


@pytest.mark.parametrize(
    "say, endings",
    [
        pytest.param(once(b"\x00\xff" * 50 + b"\r\n\r\n"), {Ending.UNREADABLE}, id="garbage"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 9000 + b"\r\n"), TOO_MUCH, id="headers"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 9000), TOO_MUCH, id="one header"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.05), {Ending.TIMEOUT}, id="slow bytes"),
        pytest.param(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), {Ending.TIMEOUT}, id="endless 100"),
        pytest.param(endless(b"", b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n" * 50), {Ending.TIMEOUT}, id="endless 103"),
        pytest.param(endless(CHUNKED, b"1\r\nx\r\n"), {Ending.TIMEOUT}, id="endless small chunks"),
        pytest.param(endless(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"), TOO_MUCH, id="endless chunks"),
        pytest.param(endless(CHUNKED, b"1;" + b"a" * 70_000), TOO_MUCH, id="endless extension"),
        pytest.param(endless(CHUNKED + b"0\r\n", b"T: " + b"y" * 9000 + b"\r\n"), TOO_MUCH, id="trailers"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", b"x" * 65536), TOO_MUCH, id="gigabytes"
        ),
        pytest.param(
            closing(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            {Ending.CLOSED, Ending.RESET, Ending.UNREADABLE},
            id="half a body",
        ),
        pytest.param(once(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), {Ending.UNREADABLE}, id="negative"),
    ],
)
def test_what_is_no_answer(tmp_path: Path, say: Say, endings: set[Ending]) -> None:
    """There is none, and it is said how it ended."""
    with lying_server(say, tmp_path) as port, _memory() as used:
        began = time.monotonic()
        response, evidence = ask_wire(port, "http/1.1")
        seconds = time.monotonic() - began

    assert response is None
    assert evidence.ending in endings
    assert seconds < TIMEOUT + GRACE
    assert used[0] < MOST_MEMORY


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(once(b"\xff" * 4000), id="garbage"),
        pytest.param(endless(H2_PREFACE, frame(6, 0, 0, b"12345678")), id="endless PING"),
        pytest.param(endless(H2_PREFACE, frame(4, 0, 0, struct.pack(">HI", 3, 1))), id="endless SETTINGS"),
        pytest.param(endless(H2_PREFACE, frame(1, 0x4, 1, b"\x08\x03100")), id="endless 100"),
        pytest.param(
            endless(H2_PREFACE + frame(1, 0, 1, b"\x88"), frame(9, 0, 1, b"\0" * 16000)), id="endless CONTINUATION"
        ),
        pytest.param(endless(H2_PREFACE + frame(1, 0x4, 1, b"\x88"), frame(0, 0, 1, b"x" * 16000)), id="endless DATA"),
        pytest.param(endless(H2_PREFACE + frame(1, 0x4, 1, b"\x88"), frame(0, 0, 1, b"")), id="endless empty DATA"),
        pytest.param(once(H2_PREFACE + frame(1, 0x5, 1, b"\x08\x03abc")), id="a status that is no number"),
        pytest.param(once(H2_PREFACE + frame(1, 0x5, 1, b"\x00\x01x\x01y")), id="no status"),
        pytest.param(once(H2_PREFACE + frame(0, 0x1, 1, b"x")), id="DATA before HEADERS"),
        pytest.param(once(H2_PREFACE + frame(1, 0x5, 1, b"\x3f\xe1\xff\xff\xff\x0f")), id="a table of gigabytes"),
        pytest.param(once(H2_PREFACE + frame(7, 0, 0, b"\0" * 8)), id="GOAWAY"),
        pytest.param(
            endless(H2_PREFACE, frame(5, 0x4, 1, b"\0\0\0\2\x82\x87\x84\x41\x01a")), id="endless PUSH_PROMISE"
        ),
        pytest.param(endless(H2_PREFACE, frame(200, 0, 1, b"z" * 999)), id="frames nobody knows"),
    ],
)
def test_what_is_no_http2(tmp_path: Path, say: Say) -> None:
    """The same over HTTP/2."""
    with lying_server(say, tmp_path, alpn="h2") as port, _memory() as used:
        began = time.monotonic()
        response, evidence = ask_wire(port, "h2")
        seconds = time.monotonic() - began

    assert response is None
    assert evidence.ending in {Ending.UNREADABLE, Ending.CLOSED, Ending.TIMEOUT, Ending.RESET}
    assert seconds < TIMEOUT + GRACE
    assert used[0] < MOST_MEMORY


@pytest.mark.parametrize("http2", [False, True])
def test_a_request_ends_in_time_though_the_server_never_does(ask: Asking, tmp_path: Path, http2: bool) -> None:
    """All of it: nginx's log, which has nothing, is waited for as well."""
    ping = endless(H2_PREFACE, frame(6, 0, 0, b"12345678"))
    say = ping if http2 else endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n")
    with lying_server(say, tmp_path, alpn="h2" if http2 else "http/1.1") as port:
        outcome = ask(port, http2=http2)

    assert (outcome.status, outcome.accepted, outcome.ending) == (None, False, Ending.TIMEOUT)
    assert ask.seconds < TIMEOUT + GRACE


@pytest.fixture(scope="module")
def say_anything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, list[bytes]]]]:
    """Servers that send what is put beside their ports, by the protocol they agree to."""
    said: dict[str, list[bytes]] = {"http/1.1": [b""], "h2": [b""]}
    with contextlib.ExitStack() as servers:
        ports = {}
        for alpn, held in said.items():

            def say(connection: socket.socket, held: list[bytes] = held) -> None:
                closing(held[0])(connection)

            ports[alpn] = (servers.enter_context(lying_server(say, tmp_path_factory.mktemp("liar"), alpn=alpn)), held)
        yield ports


HEADS = st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 400 \r\n", CHUNKED, b"HTTP/1.1 101 S\r\n\r\n"])
FRAMES = st.builds(
    frame, st.integers(0, 12), st.integers(0, 255), st.sampled_from([0, 1, 2, 3, 2**31 - 1]), st.binary(max_size=40)
)


@given(head=HEADS, rest=st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_an_ending(
    say_anything: dict[str, tuple[int, list[bytes]]], head: bytes, rest: bytes
) -> None:
    """Never a traceback."""
    port, held = say_anything["http/1.1"]
    held[0] = head + rest

    response, evidence = ask_wire(port, "http/1.1")

    assert response is not None or evidence.ending is not None


@given(frames=st.lists(FRAMES, max_size=6))
def test_any_frames_are_an_answer_or_an_ending(
    say_anything: dict[str, tuple[int, list[bytes]]], frames: list[bytes]
) -> None:
    """Never a traceback."""
    port, held = say_anything["h2"]
    held[0] = H2_PREFACE + b"".join(frames)

    response, evidence = ask_wire(port, "h2")

    assert response is not None or evidence.ending is not None


def test_an_answer_in_the_last_moment_makes_the_request_no_longer(ask: Asking, tmp_path: Path) -> None:
    """Although nginx's log is waited for, which has nothing."""
    said = once(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def late(connection: socket.socket) -> None:
        time.sleep(TIMEOUT * 0.7)
        said(connection)

    with lying_server(late, tmp_path) as port:
        outcome = ask(port)

    assert outcome.status == 200
    assert ask.seconds < TIMEOUT + GRACE
