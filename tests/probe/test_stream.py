"""Bytes through a stream server: sent when nginx is ready for them, and never waited for longer than asked."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from pytest_mtls import CredentialState, Ending, Harness, NginxServer
from tests.generations.conftest import built

Serve = Callable[..., NginxServer]


def test_an_old_nginx_answers_every_time(process_harness: Harness) -> None:
    """1.18 forgets, one time in twenty, data that arrives in one packet with the end of a TLS 1.3 handshake."""
    server = process_harness.nginx(nginx=built("bullseye").name, protocol="stream", tls="1.3")
    credential = process_harness.credentials[CredentialState.VALID]

    outcomes = [server.request(credential=credential, timeout=2) for _ in range(200)]

    assert {outcome.ending for outcome in outcomes} == {None}
    assert {outcome.body for outcome in outcomes} == {b"ping\n"}


def test_an_exchange_ends_where_it_is_said_to(serve: Serve, harness: Harness) -> None:
    """By default with as many bytes as were sent; else with those named, in however many pieces they come."""
    with serve(protocol="stream", verify="off").connect() as connection:
        assert connection.exchange(b"whole") == b"whole"
        assert connection.exchange(b"one\r\ntwo\r\n", until=b"two\r\n") == b"one\r\ntwo\r\n"
        started = time.monotonic()
        assert connection.exchange(b"unfinished", until=b"\r\n", timeout=0.3) == b"unfinished"
        assert 0.3 <= time.monotonic() - started < 1
        assert connection.exchange(b"more") == b""


@pytest.fixture
def unreachable(harness: Harness) -> Iterator[str]:
    """An address that takes no connection and refuses none: its queue is full."""
    with contextlib.ExitStack() as open_sockets:
        listening = open_sockets.enter_context(socket.create_server((harness.engine.upstream_bind, 0), backlog=0))
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"{harness.engine.upstream_host}:{listening.getsockname()[1]}"


def test_a_request_takes_no_longer_than_its_timeout(serve: Serve, harness: Harness, unreachable: str) -> None:
    """nginx, which is still waiting for the upstream then, has logged nothing, and is not waited for."""
    server = serve(protocol="stream", upstream=unreachable)
    started = time.monotonic()

    outcome = server.request(credential=harness.credentials[CredentialState.VALID], timeout=0.5)

    assert 0.5 <= time.monotonic() - started < 1
    assert (outcome.accepted, outcome.ending, outcome.body) == (False, Ending.TIMEOUT, b"")
