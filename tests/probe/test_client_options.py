"""What the client may be told about itself: how strict, how plain, how obedient."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from pytest_mtls import (
    CertificateAuthority,
    Ending,
    Harness,
    InvalidArgument,
    Layer,
    NginxServer,
    Unavailable,
    VirtualServer,
)

Serve = Callable[..., NginxServer]


@pytest.mark.parametrize("options", [{"key_type": "rsa-1024"}, {"signature_hash": "sha1"}], ids=["rsa-1024", "sha1"])
def test_a_strict_client_does_not_even_load_what_is_weak(
    serve: Serve, harness: Harness, options: dict[str, Any]
) -> None:
    """At level 0 it is nginx that refuses; at level 2 nginx is never asked."""
    nginx, weak = serve(verify="optional"), harness.ca.issue_client("weak", **options)

    sent = nginx.request(credential=weak)
    kept = nginx.request(credential=weak, security_level=2)

    assert (sent.layer, sent.status, sent.accepted) == (Layer.HTTP, 400, False)
    assert (kept.layer, kept.reason, kept.ending) == (Layer.CLIENT, "credential_not_loadable", Ending.NOT_SENT)
    assert nginx.request(credential=harness.ca.issue_client("strong"), security_level=2).verify == "SUCCESS"
    with pytest.raises(InvalidArgument, match="nginx was never asked"):
        nginx.connect(credential=weak, security_level=2)


def test_a_level_that_nothing_satisfies_fails_in_the_handshake(serve: Serve) -> None:
    """Level 4 wants 192 bits: no P-256 certificate of the server's."""
    outcome = serve(verify="optional").request(security_level=4)

    assert (outcome.layer, outcome.alert, outcome.accepted) == (Layer.TLS, "handshake_failure", False)


@pytest.mark.parametrize("verify", ["on", "off"])
def test_plain_http_on_a_tls_port_is_nginxs_own_497(serve: Serve, verify: str) -> None:
    """400 on the wire, whatever the mode; also on a held connection, and explained without words of TLS."""
    nginx = serve(verify=verify)
    with nginx.connect(plain=True) as connection:
        assert connection.outcome.accepted
        held = connection.request("/held")

    for outcome in (held, nginx.request(plain=True)):
        assert (outcome.status, outcome.internal_status, outcome.reason) == (400, 497, "plain_http")
        assert (outcome.layer, outcome.accepted, outcome.tls_version) == (Layer.HTTP, False, None)
        assert "over no TLS" in outcome.explain()
        assert "handshake completed" not in outcome.explain()
        assert "http://127.0.0.1" in outcome.explain()


def test_a_plain_listener_of_the_same_server_asks_for_no_certificate(serve: Serve) -> None:
    """Whatever ssl_verify_client says: the request goes through, and every $ssl_client_* is empty."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nginx = serve(verify="on", directives=f"listen {port};")

    outcome = nginx.request(plain=port)

    assert (outcome.status, outcome.accepted, outcome.layer) == (200, True, Layer.HTTP)
    assert not outcome.variables["ssl_client_verify"]
    assert outcome.forwarded is not None
    assert "X-SSL-Client-S-DN" not in outcome.forwarded
    assert nginx.request().internal_status == 496
    with pytest.raises(InvalidArgument, match="cannot be reached"):
        nginx.request(plain=1)


def test_an_error_page_may_send_plain_clients_elsewhere(serve: Serve) -> None:
    """The usual redirect: nothing passed the check all the same."""
    outcome = serve(
        error_pages={497: "=301 /secure"}, directives="location /secure { return 301 https://x/; }"
    ).request(plain=True)

    assert (outcome.status, outcome.internal_status) == (301, 497)
    assert not outcome.accepted


def test_plain_bytes_on_a_stream_port_fail_in_the_handshake(serve: Serve) -> None:
    """nginx closes: it has no answer in plain text."""
    outcome = serve(protocol="stream").request(plain=True)

    assert (outcome.layer, outcome.accepted, outcome.verify) == (Layer.TLS, False, None)
    assert any("SSL_do_handshake() failed" in line for line in outcome.log)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_an_obedient_client_presents_only_what_the_servers_list_names(serve: Serve, harness: Harness, tls: str) -> None:
    """So a stranger arrives as nobody, where OpenSSL's client would be refused; any certificate's issuer counts."""
    nginx = serve(verify="optional")
    stranger = CertificateAuthority("Unlisted").issue_client("stranger")
    below = harness.ca.intermediate("Listed below").issue_client("below")

    obedient = nginx.request(credential=stranger, tls=tls, obeys_ca_hints=True)

    assert nginx.request(credential=stranger, tls=tls).internal_status == 495
    assert (obedient.verify, obedient.status, obedient.tls_version) == ("NONE", 200, tls)
    assert obedient.accepted_cas == (harness.ca.subject_dn,)
    assert "withheld" in obedient.explain()
    assert nginx.request(credential=below, tls=tls, obeys_ca_hints=True).verify == "SUCCESS"
    assert nginx.request(credential=below.without_chain(), tls=tls, obeys_ca_hints=True).verify == "NONE"
    assert nginx.request(tls=tls, obeys_ca_hints=True).verify == "NONE"


def test_an_empty_list_asks_for_any_certificate(serve: Serve) -> None:
    """Trust through ssl_trusted_certificate puts no name on the list; the stranger is sent, and seen."""
    nginx = serve(verify="optional_no_ca", client_ca=None)
    stranger = CertificateAuthority("Unlisted").issue_client("stranger")

    outcome = nginx.request(credential=stranger, obeys_ca_hints=True)

    assert outcome.accepted_cas == ()
    assert (outcome.verify or "").startswith("FAILED")
    assert "withheld" not in outcome.explain()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_an_obedient_clients_session_can_be_resumed(serve: Serve, harness: Harness, tls: str) -> None:
    """By anybody, as that of any other; and obedience is no matter of the credential's other requests."""
    nginx, alice = serve(), harness.ca.issue_client("alice")

    first = nginx.request(credential=alice, tls=tls, obeys_ca_hints=True)
    replay = nginx.request(session=first.session, tls=tls)

    assert (first.accepted, replay.accepted, replay.resumed) == (True, True, True)


def test_signature_algorithms_are_chosen_or_declared_unavailable(serve: Serve, harness: Harness) -> None:
    """Before anything is sent: the standard library has it since 3.15."""
    nginx, alice = serve(), harness.ca.issue_client("alice")
    nginx.log  # noqa: B018  # takes in what was written so far
    before = nginx.running.journal.highest_connection
    if not hasattr(ssl.SSLContext, "set_client_sigalgs"):
        with pytest.raises(Unavailable, match=r"since 3\.15.*nothing was sent"):
            nginx.request(credential=alice, signature_algorithms=["ecdsa_secp256r1_sha256"])
        nginx.log  # noqa: B018
        assert nginx.running.journal.highest_connection == before
        return
    assert nginx.request(credential=alice, signature_algorithms="ecdsa_secp256r1_sha256").accepted
    assert not nginx.request(credential=alice, signature_algorithms=["rsa_pss_rsae_sha256"]).accepted
    with pytest.raises(InvalidArgument, match="is not understood"):
        nginx.request(credential=alice, signature_algorithms="bogus")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_ip_address_is_no_server_name(serve: Serve, address: str) -> None:
    """RFC 6066 section 3: no SNI is sent, so nginx's default server answers; the Host field has the address."""
    nginx = serve(virtual_servers=[VirtualServer("a.test", verify="off"), VirtualServer("b.test", verify="on")])

    outcome = nginx.request(server_name=address)

    assert outcome.accepted
    assert outcome.variables.get("ssl_server_name", "") == ""
    assert "no SNI" in outcome.explain()
    assert outcome.story is not None
    assert outcome.story.host == (f"[{address}]" if ":" in address else address)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"security_level": 6}, "none of OpenSSL's: 0"),
        ({"security_level": True}, "security_level=True"),
        ({"security_level": "2"}, "security_level='2'"),
        ({"signature_algorithms": 5}, "are no names"),
        ({"plain": 0}, "plain=0"),
        ({"plain": "yes"}, "plain='yes'"),
        ({"plain": 65536}, "plain=65536"),
        ({"obeys_ca_hints": "yes"}, "obeys_ca_hints='yes'"),
        ({"plain": True, "tls": "1.3", "security_level": 1}, "with tls and security_level"),
        ({"plain": True, "server_name": "a.test"}, "with server_name"),
        ({"plain": True, "http2": True}, "with http2"),
        ({"server_name": ""}, "cannot be sent as SNI"),
        ({"server_name": ".test"}, "cannot be sent as SNI"),
        ({"server_name": "a\0b"}, "cannot be sent as SNI"),
    ],
    ids=lambda value: str(value)[:40].replace("\0", "NUL") if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    process_harness: Harness, arguments: dict[str, Any], said: str
) -> None:
    """By request() and connect() alike, with a typed error."""
    nginx = process_harness.nginx()

    with pytest.raises(InvalidArgument, match=said):
        nginx.request(**arguments)
    with pytest.raises(InvalidArgument, match=said):
        nginx.connect(**arguments)
