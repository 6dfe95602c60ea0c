"""Upgraded connections, as WebSocket makes them: they outlive what let them in."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from pytest_mtls import CertificateAuthority, DeadlineExceeded, Harness, InvalidArgument, NginxServer
from pytest_mtls.probe.recorder import Recorder

Serve = Callable[..., NginxServer]

PASSES_UPGRADES = {
    "forward": {"Upgrade": "$http_upgrade", "Connection": "upgrade", "X-Verify": "$ssl_client_verify"},
    "directives": "proxy_http_version 1.1;",
}


def test_bytes_go_through_an_upgraded_connection(serve: Serve, harness: Harness) -> None:
    """The outcome is that of the 101; afterwards there are no requests any more."""
    nginx = serve(**PASSES_UPGRADES)
    with nginx.connect(credential=harness.ca.issue_client("alice")) as connection:
        assert connection.request("/before").status == 200
        outcome = connection.upgrade("/chat", headers={"X-Room": "1"})
        assert connection.exchange(b"hello") == b"hello"
        assert connection.exchange(b"again\r\n", until=b"\r\n") == b"again\r\n"
        with pytest.raises(InvalidArgument, match="An upgraded connection takes no requests"):
            connection.request("/after")

    assert (outcome.status, outcome.accepted, outcome.reason) == (101, True, None)
    assert outcome.forwarded is not None
    assert (outcome.forwarded.target, outcome.forwarded["Upgrade"]) == ("/chat", "websocket")
    assert (outcome.forwarded["X-Verify"], outcome.forwarded["X-Room"]) == ("SUCCESS", "1")
    assert outcome.forwarded["Sec-WebSocket-Version"] == "13"


def test_an_nginx_that_is_not_told_passes_no_upgrade(serve: Serve, harness: Harness) -> None:
    """Upgrade is hop by hop: the application sees an ordinary request, and the connection stays one for requests."""
    with serve().connect(credential=harness.ca.issue_client("alice")) as connection:
        outcome = connection.upgrade("/", protocol="echo")

        assert (outcome.status, outcome.accepted) == (200, True)
        assert outcome.forwarded is not None
        assert "Upgrade" not in outcome.forwarded
        assert connection.request("/").status == 200


def test_nobody_is_upgraded_past_the_check(serve: Serve) -> None:
    """The refusal comes before."""
    with serve(**PASSES_UPGRADES).connect() as connection:
        outcome = connection.upgrade()

    assert (outcome.status, outcome.internal_status, outcome.accepted) == (400, 496, False)


def test_where_there_is_no_upgrade_it_is_refused(serve: Serve, harness: Harness) -> None:
    """HTTP/2 has none, a stream server has no requests, and a protocol needs a name that can be sent."""
    alice = harness.ca.issue_client("alice")
    with serve().connect(credential=alice) as connection:
        for protocol in ("", None, "a\r\nb"):
            with pytest.raises(InvalidArgument):
                connection.upgrade(protocol=protocol)  # type: ignore[arg-type]
    with serve(http2=True).connect(credential=alice) as connection:
        with pytest.raises(InvalidArgument, match="HTTP/2 has no Upgrade"):
            connection.upgrade()
    with serve(protocol="stream").connect(credential=alice) as connection:
        with pytest.raises(InvalidArgument, match="A stream server takes no requests"):
            connection.upgrade()


def test_an_upgraded_connection_outlives_the_revocation_of_its_certificate(serve: Serve) -> None:
    """The old worker stays for it, so the reload does not end; new connections are refused at once."""
    ca = CertificateAuthority("Upgrade CA")
    mallory = ca.issue_client("mallory")
    nginx = serve(client_ca=ca, crl=ca.crl(), **PASSES_UPGRADES)
    with nginx.connect(credential=mallory) as connection:
        assert connection.upgrade().status == 101
        ca.revoke(mallory)
        with pytest.raises(DeadlineExceeded, match="old workers"):
            nginx.update(crl=ca.crl(), timeout=1.0)

        assert nginx.request(credential=mallory).reason == "certificate_revoked"
        assert connection.exchange(b"still here") == b"still here"


def test_worker_shutdown_timeout_ends_it(serve: Serve) -> None:
    """With that directive the reload ends in time, and the connection with its worker."""
    ca = CertificateAuthority("Upgrade CA")
    mallory = ca.issue_client("mallory")
    nginx = serve(client_ca=ca, crl=ca.crl(), main_directives="worker_shutdown_timeout 300ms;", **PASSES_UPGRADES)
    with nginx.connect(credential=mallory) as connection:
        assert connection.upgrade().status == 101
        ca.revoke(mallory)

        assert nginx.update(crl=ca.crl()).applied
        assert connection.exchange(b"gone?") == b""


def test_the_recorder_upgrades_only_who_asks_for_it() -> None:
    """By both fields, over HTTP/1.1; what came in the same packet is echoed."""
    recorder = Recorder("127.0.0.1")
    head = b"GET / HTTP/1.%d\r\nHost: h\r\nUpgrade: x\r\nConnection: keep-alive, Upgrade\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", recorder.http_port), 5) as connection:
            connection.settimeout(5)
            connection.sendall(head % 1 + b"early")
            connection.shutdown(socket.SHUT_WR)
            upgraded = b"".join(iter(lambda: connection.recv(65536), b""))
        with socket.create_connection(("127.0.0.1", recorder.http_port), 5) as connection:
            connection.settimeout(5)
            connection.sendall(head % 0)
            connection.shutdown(socket.SHUT_WR)
            ordinary = b"".join(iter(lambda: connection.recv(65536), b""))
    finally:
        recorder.close()

    assert upgraded.startswith(b"HTTP/1.1 101 ")
    assert upgraded.endswith(b"\r\n\r\nearly")
    assert ordinary.startswith(b"HTTP/1.1 200 ")
