"""How a connection ends is told apart: by real servers that misbehave, and by nginx itself."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_mtls import Ending, Harness, ServerGone
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import Address
from pytest_mtls.probe.channel import Channel
from pytest_mtls.probe.contexts import ProbeContexts

Behaviour = Callable[[socket.socket], None]


@contextmanager
def misbehaving(behave: Behaviour) -> Iterator[Address]:
    """A server that does that to its one client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def run() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(10)
                    behave(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield Address(*listening.getsockname()[:2])
        thread.join(10)


def _open(address: Address, *, seconds: float = 5) -> Channel:
    context = ProbeContexts().get(None, ("1.2", "1.3"), http2=False)
    return Channel.open(address, context, server_name="localhost", session=None, deadline=Deadline.after(seconds))


def _reset(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _alert(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")


@pytest.mark.parametrize(
    "behave, ending",
    [
        (lambda connection: connection.recv(4096), Ending.CLOSED),
        (_reset, Ending.RESET),
        (_alert, Ending.ALERT),
        (lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Ending.UNREADABLE),
        (lambda connection: time.sleep(1), Ending.TIMEOUT),
    ],
    ids=["closed", "reset", "alert", "garbage", "silent"],
)
def test_a_failed_handshake_says_how_it_failed(behave: Behaviour, ending: Ending) -> None:
    """Without raising."""
    with misbehaving(behave) as address:
        channel = _open(address, seconds=0.5)
        channel.close()

    assert not channel.evidence.handshake_completed
    assert channel.evidence.ending is ending
    assert channel.evidence.alert == ("handshake_failure" if ending is Ending.ALERT else None)


def test_nobody_listening_is_an_error_and_no_outcome() -> None:
    """That is not what nginx did."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = Address(*listening.getsockname()[:2])

    with pytest.raises(ServerGone, match="refused"):
        _open(address)


def test_endless_slow_bytes_end_at_the_deadline(harness: Harness) -> None:
    """However often a byte comes."""
    credential = harness.ca.issue_server("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    from pytest_mtls.pki.tls import load_credential

    load_credential(context, credential)

    def drip(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            for _ in range(100):
                secure.sendall(b"x")
                time.sleep(0.02)

    with misbehaving(drip) as address:
        channel = _open(address)
        deadline = Deadline.after(0.3)
        started = time.monotonic()
        while channel.receive(deadline):
            pass
        channel.close()

    assert channel.evidence.ending is Ending.TIMEOUT
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_bad_signature_is_an_alert_in_both_versions(serve: Any, harness: Harness, tls: str) -> None:
    """With TLS 1.3 it only arrives on the first read, when the request is long sent."""
    alice, bob = harness.ca.issue_client("alice"), harness.ca.issue_client("bob")

    outcome = serve().request(credential=alice.with_private_key(bob), tls=tls, method="POST", body=b"x" * 100_000)

    assert (outcome.accepted, str(outcome.layer), outcome.alert) == (False, "tls", "decrypt_error")
    assert outcome.ending is Ending.ALERT
    assert (outcome.verify, outcome.variables, outcome.status) == (None, {}, None)
    assert any("bad signature" in line for line in outcome.log)


def test_a_version_that_the_server_does_not_speak_is_an_alert(serve: Any) -> None:
    """Decided in the handshake, and named."""
    outcome = serve(tls="1.3").request(tls="1.2")

    assert (str(outcome.layer), outcome.alert, outcome.ending) == ("tls", "protocol_version", Ending.ALERT)


def test_a_rejected_name_is_an_alert(serve: Any) -> None:
    """ssl_reject_handshake."""
    outcome = serve(directives="ssl_reject_handshake on;").request()

    assert (str(outcome.layer), outcome.alert) == ("tls", "unrecognized_name")


def test_a_credential_that_cannot_be_loaded_never_reaches_nginx(serve: Any, harness: Harness) -> None:
    """The layer is the client's, and nginx has logged nothing."""
    from pytest_mtls import KeyType

    nginx = serve()
    one, other = (harness.ca.issue_client(name, key_type=KeyType.ED25519) for name in ("one", "other"))
    before = nginx.log

    outcome = nginx.request(credential=one.with_private_key(other))

    assert (outcome.accepted, str(outcome.layer), outcome.reason) == (False, "client", "key_mismatch")
    assert outcome.ending is Ending.NOT_SENT
    assert nginx.log == before
    assert "nginx was never asked" in outcome.explain()


def test_an_upstream_that_never_answers_is_a_timeout(serve: Any, harness: Harness) -> None:
    """The request's own deadline holds, and the outcome says what nginx did until then."""
    with socket.create_server((harness.engine.upstream_bind, 0)) as silent:
        upstream = f"http://{harness.engine.upstream_host}:{silent.getsockname()[1]}"
        started = time.monotonic()
        outcome = serve(verify="off", upstream=upstream).request(timeout=0.5)

    assert outcome.ending is Ending.TIMEOUT
    assert outcome.status is None
    assert time.monotonic() - started < 5


def test_a_chain_that_openssl_cannot_fully_read_is_presented_all_the_same(serve: Any, harness: Harness) -> None:
    """It leaves an error in OpenSSL's queue on this side, which is not what became of the connection."""
    alice = harness.ca.issue_client("alice")
    point = harness.ca.certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    broken = harness.ca.certificate.public_bytes(Encoding.DER).replace(point, b"\x04" + b"\x01" * (len(point) - 1))
    credential = replace(alice, chain=(x509.load_der_x509_certificate(broken),))
    server = serve(verify="on")

    for tls in ("1.2", "1.3"):
        outcomes = [server.request(credential=credential, tls=tls) for _ in range(20)]

        assert {(outcome.ending, outcome.status) for outcome in outcomes} == {(Ending.ANSWERED, 200)}
