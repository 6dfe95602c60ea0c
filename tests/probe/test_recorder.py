"""The upstream records what it is sent, byte for byte."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from pytest_mtls.probe.recorder import RECORD_HEADER, Forwarded, Recorder

ODD = b"GET /a%20b?x HTTP/1.0\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nX-Fold: one\n\ttwo\r\nX_B: \xff\r\n\r\n"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    opened = Recorder("127.0.0.1")
    yield opened
    opened.close()


def _send(recorder: Recorder, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", recorder.http_port), 5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _number(answer: bytes) -> str:
    head = answer.split(b"\r\n\r\n")[0].decode()
    return next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith(RECORD_HEADER))


def test_every_byte_is_kept(recorder: Recorder) -> None:
    """Duplicates, order, case, folded lines, bytes that are no text."""
    recorded = recorder.take(_number(_send(recorder, ODD)))

    assert recorded is not None
    assert recorded.raw == ODD
    assert recorded.fields == (("Host", "h"), ("X-A", "1"), ("x-a", "2"), ("X-Fold", "one\n\ttwo"), ("X_B", "\xff"))
    assert recorded.get_all("X-a") == ("1", "2")
    assert (recorded.method, recorded.target, recorded.version) == ("GET", "/a%20b?x", "HTTP/1.0")


def test_requests_of_one_connection_are_told_apart(recorder: Recorder) -> None:
    """nginx keeps connections to its upstream."""
    first = b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    second = b"GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
    answers = _send(recorder, first + second).split(b"HTTP/1.1 200 OK\r\n")[1:]

    kept = [recorder.take(_number(answer)) for answer in answers]

    assert [each.target for each in kept if each] == ["/1", "/2"]
    assert kept[0] is not None
    assert kept[0].body == b"abc"


def test_a_chunked_body_is_kept_as_it_came(recorder: Recorder) -> None:
    """Its end is found, its bytes are not decoded."""
    raw = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

    recorded = recorder.take(_number(_send(recorder, raw + b"GET / HTTP/1.1\r\n\r\n")))

    assert recorded is not None
    assert recorded.raw == raw


def test_the_answer_says_what_an_application_would_have_seen(recorder: Recorder) -> None:
    """Tests with requests or httpx can look at it directly."""
    answer = _send(recorder, b"GET /x HTTP/1.1\r\nX-A: 1\r\nX-A: 2\r\n\r\n")

    assert json.loads(answer.split(b"\r\n\r\n")[1]) == {
        "method": "GET",
        "target": "/x",
        "headers": {"X-A": "1, 2"},
        "body": "",
    }


def test_an_answer_to_head_has_no_body(recorder: Recorder) -> None:
    """RFC 9110 section 9.3.2."""
    assert _send(recorder, b"HEAD / HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")


def test_a_byte_stream_is_echoed(recorder: Recorder) -> None:
    """Stream servers get back what they sent."""
    with socket.create_connection(("127.0.0.1", recorder.stream_port), 5) as connection:
        connection.sendall(b"\0\1hello")
        assert connection.recv(100) == b"\0\1hello"


def test_unknown_numbers_are_nothing(recorder: Recorder) -> None:
    """A response of somebody else's names no record of ours."""
    assert [recorder.take(number) for number in (None, "999", "x", "")] == [None] * 4


def test_garbage_is_a_request_too() -> None:
    """Whatever nginx was made to send, it can be looked at."""
    forwarded = Forwarded(b"\x16\x03\x01")

    assert forwarded.raw == b"\x16\x03\x01"
    assert len(forwarded) == 0


def test_closing_twice_is_no_error() -> None:
    """And the port is free afterwards."""
    opened = Recorder("127.0.0.1")
    port = opened.http_port

    opened.close()
    opened.close()

    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)
