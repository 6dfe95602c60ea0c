"""nginx as the client: the identity it presents, and what it checks of its upstream."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pytest_mtls import (
    CertificateAuthority,
    Credential,
    Harness,
    InvalidArgument,
    KeyMismatch,
    NginxServer,
    TlsUpstream,
    Verbatim,
    VirtualServer,
)
from tests.steps.conftest import OneOfFive

Serve = Callable[..., NginxServer]

SINCE_1_29_7 = ("forky", "bundled")
"""From then on upstream connections are kept by default."""


def _verify_error(front: NginxServer) -> str:
    """OpenSSL's number, as nginx logged it of an upstream."""
    (line,) = [line for line in front.log if "upstream SSL certificate verify error: (" in line]
    return line.split("verify error: (")[1].split(":")[0]


def test_the_upstream_sees_the_identity_that_nginx_presents(each: OneOfFive) -> None:
    """Not that of the client in front; and it can be changed, and taken away."""
    back = each()
    one, two = (each.harness.ca.issue_client(name) for name in ("svc-one", "svc-two"))
    front = each(upstream=TlsUpstream(back, credential=one))
    client = each.harness.ca.issue_client("client")

    def seen() -> tuple[int | None, str | None]:
        outcome = front.request(credential=client)
        return outcome.status, outcome.forwarded["X-SSL-Client-S-DN"] if outcome.forwarded else None

    first = seen()
    front.update(upstream=TlsUpstream(back, credential=two))
    second = seen()
    front.update(upstream=TlsUpstream(back))

    assert (first, second, seen()) == ((200, "CN=svc-one"), (200, "CN=svc-two"), (400, None))


def test_a_revoked_identity_is_refused_by_the_upstream(serve: Serve, harness: Harness) -> None:
    """What the client gets is the upstream's 400."""
    ca = CertificateAuthority("Services")
    identity = ca.issue_client("svc")
    back = serve(client_ca=ca, crl=ca.crl())
    front = serve(verify="off", upstream=TlsUpstream(back, credential=identity, session_reuse=False, keepalive=0))
    assert front.request().status == 200

    ca.revoke(identity)
    back.update(crl=ca.crl())

    refused = front.request()
    assert (refused.status, refused.forwarded) == (400, None)
    assert any("certificate verify error: (23:" in line for line in back.log)


def test_kept_connections_mix_up_identities(each: OneOfFive) -> None:
    """Entry 74: the connection that one service opened serves the other, and the one without any."""
    back = each()
    names = ("a.test", "b.test")
    servers = [
        VirtualServer(name, upstream=TlsUpstream(back, credential=each.harness.ca.issue_client(name), keepalive=4))
        for name in names
    ]
    servers.append(VirtualServer("none.test", upstream=TlsUpstream(back, keepalive=4)))
    front = each(verify="off", virtual_servers=servers)

    seen = [front.request(server_name=name).forwarded for name in (*names, "none.test")]

    assert [each and each["X-SSL-Client-S-DN"] for each in seen] == ["CN=a.test"] * 3


def test_connections_of_their_own_keep_identities_apart(serve: Serve, harness: Harness) -> None:
    """Entry 74, set up safely: nothing is kept."""
    back = serve()
    servers = [
        VirtualServer(
            name,
            upstream=TlsUpstream(back, credential=harness.ca.issue_client(name), session_reuse=False, keepalive=0),
        )
        for name in ("a.test", "b.test")
    ]
    front = serve(verify="off", virtual_servers=servers)

    for name in ("a.test", "b.test"):
        forwarded = front.request(server_name=name).forwarded
        assert forwarded is not None
        assert forwarded["X-SSL-Client-S-DN"] == f"CN={name}"


@pytest.mark.parametrize("keepalive", [None, 0, 4])
def test_whether_upstream_connections_are_kept(each: OneOfFive, keepalive: int | None) -> None:
    """Entry 75: without a word, since 1.29.7."""
    back = each(forward={"X-Count": "$connection_requests"})
    upstream = TlsUpstream(back, credential=each.harness.ca.issue_client("svc"), keepalive=keepalive)
    front = each(verify="off", upstream=upstream)

    counts = [forwarded["X-Count"] for _ in range(2) if (forwarded := front.request().forwarded)]

    kept = each.name in SINCE_1_29_7 if keepalive is None else keepalive > 0
    assert counts == ["1", "2" if kept else "1"]


def test_no_server_name_is_sent_unless_it_is_asked_for(each: OneOfFive) -> None:
    """Entry 76: the upstream's default server shakes hands, and the one that Host names has seen no certificate."""
    back = each(virtual_servers=[VirtualServer("public.test", verify="off"), VirtualServer("mtls.test")])
    identity = each.harness.ca.issue_client("svc")

    def answer(**settings: Any) -> int | None:
        upstream = TlsUpstream(back, credential=identity, **settings)
        return each(verify="off", forward={"Host": "mtls.test"}, upstream=upstream).request().status

    assert answer() == 400
    assert answer(name="mtls.test") == 400
    assert answer(name="mtls.test", server_name=True) == 200


def test_an_impostor_upstream_is_believed_unless_it_is_checked(each: OneOfFive) -> None:
    """Entry 77."""
    impostor = CertificateAuthority("Impostor").issue_server("localhost")
    back = each(verify="off", server=impostor)

    assert each(verify="off", upstream=TlsUpstream(back)).request().status == 200
    checking = each(verify="off", upstream=TlsUpstream(back, verify=True, name="localhost"))
    assert checking.request().status == 502
    assert _verify_error(checking) in ("20", "21")


def test_what_is_found_of_the_upstream_is_not_taken_for_the_clients(each: OneOfFive) -> None:
    """nginx logs both under the client's number; its own error is tolerated, and known from that log alone."""
    back = each(verify="off")
    stranger = CertificateAuthority("Stranger").issue_client("stranger")
    strict = TlsUpstream(back, verify=True, name="localhost", trusted_ca=CertificateAuthority("Other"))
    good = TlsUpstream(back, verify=True, name="localhost")

    seen = [
        each(verify="optional_no_ca", upstream=upstream).request(credential=stranger) for upstream in (good, strict)
    ]

    assert [(outcome.status, outcome.verify_code) for outcome in seen] == [(200, 21), (502, 21)]


def test_two_intermediates_are_too_many_by_default(each: OneOfFive) -> None:
    """Entry 77: the number differs, as for clients."""
    deep = each.harness.ca.intermediate("One").intermediate("Two").issue_server("localhost")
    back = each(verify="off", server=deep)

    def front(**settings: Any) -> NginxServer:
        upstream = TlsUpstream(back, verify=True, name="localhost", **settings)
        return each(verify="off", upstream=upstream)

    shallow = front()
    assert shallow.request().status == 502
    assert _verify_error(shallow) == ("22" if each.name == "bullseye" else "20")
    assert front(depth=2).request().status == 200


def test_a_name_that_is_not_said_is_on_no_certificate(serve: Serve, harness: Harness) -> None:
    """Entry 77: it is that of the upstream in nginx's configuration."""
    back = serve(verify="off")
    front = serve(verify="off", upstream=TlsUpstream(back, verify=True))

    assert front.request().status == 502
    assert any("upstream SSL certificate does not match" in line for line in front.log)
    front.update(upstream=TlsUpstream(back, verify=True, name="localhost"))
    assert front.request().status == 200


def test_an_upstream_that_was_revoked(serve: Serve, harness: Harness) -> None:
    """proxy_ssl_crl."""
    ca = CertificateAuthority("Upstreams")
    identity = ca.issue_server("localhost")
    back = serve(verify="off", server=identity)
    settings: dict[str, Any] = {"verify": True, "name": "localhost", "trusted_ca": ca, "crl": True}
    front = serve(verify="off", upstream=TlsUpstream(back, **settings))
    assert front.request().status == 200

    ca.revoke(identity)
    front.update(upstream=TlsUpstream(back, **settings))

    assert front.request().status == 502
    assert _verify_error(front) == "23"


def test_a_stream_server_is_a_tls_client_too(serve: Serve, harness: Harness) -> None:
    """The bytes come back by way of both."""
    back = serve(protocol="stream")
    identity = harness.ca.issue_client("svc")
    front = serve(protocol="stream", verify="off", upstream=TlsUpstream(back, credential=identity))
    bare = serve(protocol="stream", verify="off", upstream=TlsUpstream(back))

    with front.connect() as connection:
        assert connection.exchange(b"hello") == b"hello"
    with bare.connect() as connection:
        assert connection.exchange(b"hello") == b""


@contextmanager
def _python_server(harness: Harness, identity: Credential) -> Iterator[tuple[str, list[Any]]]:
    """A TLS server of Python's that demands a certificate: its URL, and the subjects it saw."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.connection.getpeercert()["subject"][0][0][1])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=harness.ca.certificate_pem.decode())
    _load(context, identity)
    server = ThreadingHTTPServer((harness.engine.upstream_bind, 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://{harness.engine.upstream_host}:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _load(context: ssl.SSLContext, identity: Credential) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        files = identity.write_to(folder)
        context.load_cert_chain(files.chain, files.key)


def test_a_tls_server_of_pythons_as_the_upstream(serve: Serve, harness: Harness) -> None:
    """Any server on this machine will do, where the engine's nginx reaches it."""
    with _python_server(harness, harness.ca.issue_server("localhost")) as (url, seen):
        front = serve(verify="off", upstream=TlsUpstream(url, harness.ca.issue_client("svc"), True, name="localhost"))

        assert front.request().status == 200
        front.stop()

    assert seen == ["svc"]


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"verify": "yes"}, "TlsUpstream verify='yes'"),
        ({"server_name": None}, "TlsUpstream server_name=None"),
        ({"session_reuse": 1}, "TlsUpstream session_reuse=1"),
        ({"keepalive": -1}, "TlsUpstream keepalive=-1"),
        ({"keepalive": True}, "TlsUpstream keepalive=True"),
        ({"crl": b"x"}, "TlsUpstream crl has no effect without verify=True"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], said: str) -> None:
    """As it is given."""
    with pytest.raises(InvalidArgument, match=said):
        TlsUpstream("https://127.0.0.1:1", **settings)


@pytest.mark.parametrize(
    "upstream, arguments, said",
    [
        (TlsUpstream("http://127.0.0.1:1"), {}, "begins with 'https://'"),
        (TlsUpstream(5), {}, "upstream=5 is neither a URL, an NginxServer nor an application"),
        (TlsUpstream("https://127.0.0.1:1", credential="svc.pem"), {}, "TlsUpstream credential='svc.pem' is no Cred"),
        (TlsUpstream("https://127.0.0.1:1", name="a;b"), {}, "TlsUpstream name: ';'"),
        (TlsUpstream("https://127.0.0.1:1", keepalive=1), {"protocol": "stream"}, "keepalive.*protocol='stream'"),
        (TlsUpstream("https://127.0.0.1:1", depth=-1), {}, "depth=-1"),
        ("http://127.0.0.1:1", {"default_location": False}, "upstream does not go with default_location=False"),
    ],
)
def test_an_upstream_that_cannot_be_is_refused_before_nginx_starts(
    process_harness: Harness, upstream: Any, arguments: dict[str, Any], said: str
) -> None:
    """With the argument's name."""
    with pytest.raises(InvalidArgument, match=said):
        process_harness.nginx(upstream=upstream, **arguments)


def test_an_identity_with_another_key_is_a_mismatch(process_harness: Harness) -> None:
    """nginx would not start; with Verbatim it may say so itself."""
    one, two = (process_harness.ca.issue_client(name) for name in "ab")
    with pytest.raises(KeyMismatch, match="TlsUpstream credential"):
        process_harness.nginx(upstream=TlsUpstream("https://127.0.0.1:1", one.with_private_key(two.private_key)))

    pair = (Verbatim(one.chain_pem), Verbatim(two.private_key_pem))
    refusal = process_harness.refusal(upstream=TlsUpstream("https://127.0.0.1:1", pair))
    assert refusal is not None
    assert "key values mismatch" in refusal.reason
