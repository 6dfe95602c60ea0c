"""Whom nginx asks about client certificates by OCSP, and what it makes of each answer, on both engines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from pytest_mtls import (
    CertificateAuthority,
    CredentialState,
    Ending,
    Harness,
    NginxServer,
    NginxStartError,
    Ocsp,
    OcspBehaviour,
    OcspResponder,
    Outcome,
    ServerArguments,
    VirtualServer,
)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a certificate that is good but for what OCSP says. The same in ``on`` and ``optional``.

    Attributes:
        verify: ``$ssl_client_verify``: nginx's own texts (``ngx_ssl_ocsp_get_status``), the same in every version.
        reason: the stable name.
    """

    verify: str
    reason: str | None

    @property
    def accepted(self) -> bool:
        return self.reason is None


GOOD = Verdict("SUCCESS", None)
REVOKED = Verdict("FAILED:certificate revoked", "certificate_revoked")
UNKNOWN = Verdict("FAILED:certificate status unknown", "ocsp_status_unknown")
FAILED = Verdict("FAILED:certificate status request failed", "ocsp_request_failed")

# Behaviour -> verdict, and what nginx logs beside it: the defect that was meant is the one that was found.
TABLE: dict[OcspBehaviour, tuple[Verdict, str]] = {
    OcspBehaviour.HONEST: (GOOD, ""),
    OcspBehaviour.GOOD: (GOOD, ""),
    OcspBehaviour.WITHOUT_NEXT_UPDATE: (GOOD, ""),
    OcspBehaviour.DELEGATED: (GOOD, ""),
    OcspBehaviour.REVOKED: (REVOKED, ""),
    OcspBehaviour.UNKNOWN: (UNKNOWN, ""),
    OcspBehaviour.WRONG_KEY: (FAILED, "OCSP routines::signature failure"),
    OcspBehaviour.UNKNOWN_SIGNER: (FAILED, "OCSP_basic_verify() failed"),
    OcspBehaviour.DELEGATED_WITHOUT_EKU: (FAILED, "missing ocspsigning usage"),
    OcspBehaviour.STALE: (FAILED, "status expired"),
    OcspBehaviour.FUTURE: (FAILED, "status not yet valid"),
    OcspBehaviour.OTHER_SERIAL: (FAILED, "certificate status not found in the OCSP response"),
    OcspBehaviour.MALFORMED_REQUEST: (FAILED, "OCSP response not successful (1: malformedrequest)"),
    OcspBehaviour.INTERNAL_ERROR: (FAILED, "OCSP response not successful (2: internalerror)"),
    OcspBehaviour.TRY_LATER: (FAILED, "OCSP response not successful (3: trylater)"),
    OcspBehaviour.SIG_REQUIRED: (FAILED, "OCSP response not successful (5: sigrequired)"),
    OcspBehaviour.UNAUTHORIZED: (FAILED, "OCSP response not successful (6: unauthorized)"),
    OcspBehaviour.HTTP_ERROR: (FAILED, ""),  # nginx says nothing about the status (ngx_ssl_ocsp_verify)
    OcspBehaviour.WRONG_CONTENT_TYPE: (FAILED, 'OCSP responder sent invalid "Content-Type" header: "text/html"'),
    OcspBehaviour.EMPTY: (FAILED, "d2i_OCSP_RESPONSE() failed"),
    OcspBehaviour.MALFORMED: (FAILED, "d2i_OCSP_RESPONSE() failed"),
    OcspBehaviour.DOWN: (FAILED, "Connection refused"),
}
PROTOCOLS = ("http", "stream")


@pytest.fixture
def ca(harness: Harness) -> CertificateAuthority:
    """The authority that servers trust and the responder speaks for."""
    return harness.ca


@pytest.fixture(scope="module")
def listening(harness: Harness) -> Iterator[OcspResponder]:
    """One responder for all tests of this file that share servers."""
    with harness.ca.ocsp_responder() as responder:
        yield responder


@pytest.fixture
def responder(listening: OcspResponder) -> OcspResponder:
    """That responder, as it is when new."""
    listening.behaviour, listening.delay, listening.lifetime = OcspBehaviour.HONEST, 0.0, timedelta(hours=1)
    listening.forget()
    return listening


Servers = dict[tuple[str, str], NginxServer]


@pytest.fixture(scope="module")
def servers(harness: Harness, listening: OcspResponder) -> Iterator[Servers]:
    """One nginx with a listener for each way of asking, in http and in stream."""
    kinds: dict[str, dict[str, Any]] = {
        "on": {"ocsp": listening},
        "optional": {"ocsp": listening, "verify": "optional"},
        "off": {"ocsp": listening, "verify": "off"},
        "aia": {"ocsp": Ocsp(use_aia=True)},
        "plain": {},
        "plain-optional": {"verify": "optional"},
    }
    asked = {(protocol, kind): {"protocol": protocol, **kinds[kind]} for protocol in PROTOCOLS for kind in kinds}
    for protocol in PROTOCOLS:  # a zone belongs to one module
        cached = Ocsp(listening, cache=f"shared:ocsp_{protocol}:1m")
        asked[protocol, "cache"] = {"protocol": protocol, "ocsp": cached}
    started = harness.start([ServerArguments(**each) for each in asked.values()], shared=True)
    yield dict(zip(asked, started, strict=True))
    for server in started:
        harness.discard(server)


@pytest.fixture
def serve_together(harness: Harness) -> Iterator[Callable[..., list[NginxServer]]]:
    """One nginx with a listener for each protocol and way of asking."""
    started: list[NginxServer] = []

    def start(*, asked: Iterable[tuple[str, Any]], **arguments: Any) -> list[NginxServer]:
        listeners = [ServerArguments(protocol=protocol, ocsp=ocsp, **arguments) for protocol, ocsp in asked]
        started.extend(harness.start(listeners, shared=True))
        return started

    yield start
    for server in started:
        harness.discard(server)


def check(outcome: Outcome, verdict: Verdict, protocol: str = "http", logged: str = "") -> None:
    """Everything that an outcome says of a verdict. TLS itself never fails of it."""
    http = protocol == "http"
    seen = (outcome.accepted, outcome.verify, outcome.reason, outcome.verify_code, outcome.alert, str(outcome.layer))
    assert seen == (verdict.accepted, verdict.verify, verdict.reason, None, None, protocol), outcome.explain()
    assert outcome.status == ((200 if verdict.accepted else 400) if http else None)
    assert outcome.internal_status == (495 if http and not verdict.accepted else None)
    assert logged in "\n".join(outcome.log), outcome.explain()


def test_the_table_knows_every_behaviour() -> None:
    """But for the one that gives no answer to judge."""
    assert set(TABLE) == set(OcspBehaviour) - {OcspBehaviour.HANGING}


@pytest.mark.parametrize("verify", ["on", "optional"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_whatever_is_not_a_proper_good_is_a_refusal(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, protocol: str, verify: str
) -> None:
    """Rows 45 to 48: nginx fails hard, and optional is no softer."""
    nginx = servers[protocol, verify]
    client = ca.issue_client("client")

    for behaviour, (verdict, logged) in TABLE.items():
        for tls in ("1.2", "1.3"):
            responder.behaviour = behaviour
            responder.forget()
            check(nginx.request(credential=client, tls=tls), verdict, protocol, logged)
            assert len(responder.queries) == (0 if behaviour is OcspBehaviour.DOWN else 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_responder_is_asked_by_get_with_hashes_of_sha1(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, protocol: str
) -> None:
    """And told nothing but whom it is about: no nonce, so an answer may be an old one."""
    nginx = servers[protocol, "on"]
    client = ca.issue_client("client")

    nginx.request(credential=client)

    (query,) = responder.queries
    assert (query.method, query.hash_algorithm) == ("GET", "sha1")
    assert query.serial_number == client.certificate.serial_number
    assert query.issuer_key_hash == ca.key_identifier.key_identifier
    assert query.nonce is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_revocation_is_in_force_at_once(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, protocol: str
) -> None:
    """Unlike a CRL's, without a reload; others are not touched."""
    nginx = servers[protocol, "on"]
    bob, carol = ca.issue_client("bob"), ca.issue_client("carol")

    check(nginx.request(credential=bob), GOOD, protocol)
    ca.revoke(bob, "keyCompromise")

    check(nginx.request(credential=bob), REVOKED, protocol)
    check(nginx.request(credential=carol), GOOD, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_who_is_not_named_or_cannot_be_reached_is_a_refusal(
    serve: Any, servers: Servers, ca: CertificateAuthority, protocol: str
) -> None:
    """Row 49: no address in the certificate, one of https, a host name without a resolver, and one with a dead one."""
    without = servers[protocol, "aia"]
    resolver = ["resolver 127.0.0.1:1;", "resolver_timeout 300ms;"]
    dead = serve(ocsp=Ocsp(use_aia=True), protocol=protocol, directives=resolver)
    named = ca.issue_client("named", ocsp_url="http://ocsp.invalid/")

    check(without.request(credential=ca.issue_client("silent")), FAILED, protocol, "no OCSP responder URL")
    secure = ca.issue_client("secure", ocsp_url="https://127.0.0.1/")
    check(without.request(credential=secure), FAILED, protocol, "invalid URL prefix in OCSP responder")
    check(without.request(credential=named), FAILED, protocol, "no resolver defined")
    check(dead.request(credential=named), FAILED, protocol, "ocsp.invalid could not be resolved")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_responder_that_is_named_is_asked_in_place_of_the_certificates(
    servers: Servers, harness: Harness, ca: CertificateAuthority, responder: OcspResponder, protocol: str
) -> None:
    """Row 50: ssl_ocsp_responder, else the certificate's own (authorityInfoAccess)."""
    silent = ca.issue_client("silent")
    with ca.ocsp_responder(behaviour="revoked") as other:
        pointing = ca.issue_client("pointing", ocsp_url=other.url_for(harness.engine))

        check(servers[protocol, "on"].request(credential=silent), GOOD, protocol)
        check(servers[protocol, "on"].request(credential=pointing), GOOD, protocol)
        assert (len(responder.queries), other.queries) == (2, ())
        check(servers[protocol, "aia"].request(credential=pointing), REVOKED, protocol)
        assert (len(responder.queries), len(other.queries)) == (2, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_is_asked_about_what_is_decided_already(
    servers: Servers, harness: Harness, responder: OcspResponder, protocol: str
) -> None:
    """Rows 51 and 52: no certificate, or one that OpenSSL has refused."""
    refused = [CredentialState.EXPIRED, CredentialState.UNKNOWN_CA, CredentialState.SERVER_AUTH_ONLY]
    responder.behaviour = OcspBehaviour.REVOKED
    for asking, plain in (("on", "plain"), ("optional", "plain-optional")):
        for state in (CredentialState.NONE, *refused):
            outcome = servers[protocol, asking].request(credential=harness.credentials[state])
            assert outcome.matches(servers[protocol, plain].expected(state)), outcome.explain()
    assert responder.queries == ()


def test_the_last_of_a_chain_is_never_asked_about(
    serve_together: Any, harness: Harness, responder: OcspResponder
) -> None:
    """Row 53: a self-signed certificate that is trusted itself needs nobody's word."""
    responder.behaviour = OcspBehaviour.REVOKED
    pinned = harness.credentials[CredentialState.SELF_SIGNED]
    assert pinned is not None
    asked = [(protocol, Ocsp(responder, scope)) for protocol in PROTOCOLS for scope in ("leaf", "on")]

    started = serve_together(client_ca=pinned.certificate_pem, asked=asked)

    for (protocol, _), nginx in zip(asked, started, strict=True):
        check(nginx.request(credential=pinned), GOOD, protocol)
    assert responder.queries == ()


def test_leaf_asks_about_one_and_on_about_all_but_the_root(serve_together: Any, ca: CertificateAuthority) -> None:
    """The leaf first, each at its own issuer, and the first bad answer ends it."""
    with ca.intermediate("OCSP test intermediate").ocsp_responder() as responder:
        asked = [(protocol, Ocsp(responder, scope)) for protocol in PROTOCOLS for scope in ("leaf", "on")]
        started = serve_together(asked=asked)
        for protocol, one, all_of_them in (("http", *started[:2]), ("stream", *started[2:])):
            responder.forget()
            _check_scopes(one, all_of_them, responder, protocol)


def _check_scopes(one: NginxServer, all_of_them: NginxServer, responder: OcspResponder, protocol: str) -> None:
    issuing, root = responder.authorities
    client = issuing.issue_client("client")
    leaf, above = client.certificate.serial_number, issuing.certificate.serial_number

    check(one.request(credential=client), GOOD, protocol)
    check(all_of_them.request(credential=client), GOOD, protocol)
    assert list(responder.serials) == [leaf, leaf, above]
    assert [each.issuer_key_hash for each in responder.queries[1:]] == [
        each.key_identifier.key_identifier for each in (issuing, root)
    ]

    issuing.revoke(client)
    responder.forget()
    check(one.request(credential=client), REVOKED, protocol)
    check(all_of_them.request(credential=client), REVOKED, protocol)
    assert list(responder.serials) == [leaf, leaf]


def test_an_intermediate_that_was_revoked_is_found_by_on_alone(serve_together: Any, ca: CertificateAuthority) -> None:
    """Leaf never looks above the client's own certificate."""
    issuing = ca.intermediate("OCSP test intermediate, revoked")
    client = issuing.issue_client("client")
    ca.revoke(issuing)
    with issuing.ocsp_responder() as responder:
        asked = [(protocol, Ocsp(responder, scope)) for protocol in PROTOCOLS for scope in ("leaf", "on")]
        for (protocol, ocsp), nginx in zip(asked, serve_together(asked=asked), strict=True):
            check(nginx.request(credential=client), GOOD if ocsp.scope == "leaf" else REVOKED, protocol)


def test_a_crl_and_a_responder_must_both_agree(
    serve_together: Any, ca: CertificateAuthority, responder: OcspResponder
) -> None:
    """Row 54; and about what a CRL refuses nobody is asked."""
    listed, revoked, neither = (ca.issue_client(name) for name in ("listed", "revoked", "neither"))
    asked = [(protocol, responder) for protocol in PROTOCOLS]
    started = serve_together(crl=ca.crl(extra=[listed]), asked=asked)
    ca.revoke(revoked)

    for protocol, nginx in zip(PROTOCOLS, started, strict=True):
        responder.forget()
        by_crl = nginx.request(credential=listed)
        assert (by_crl.accepted, by_crl.reason, by_crl.verify_code) == (False, "certificate_revoked", 23)
        assert responder.queries == ()
        check(nginx.request(credential=revoked), REVOKED, protocol)
        check(nginx.request(credential=neither), GOOD, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_cache_remembers_every_status_and_no_failure(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, protocol: str
) -> None:
    """Row 55: what it holds outlives revocation, a new session, and the responder itself."""
    nginx = servers[protocol, "cache"]

    for behaviour in (OcspBehaviour.GOOD, OcspBehaviour.REVOKED, OcspBehaviour.UNKNOWN, OcspBehaviour.DELEGATED):
        client = ca.issue_client(str(behaviour))
        verdict = TABLE[behaviour][0]
        responder.behaviour = behaviour
        responder.forget()
        first = nginx.request(credential=client)
        check(first, verdict, protocol)
        ca.revoke(client)
        responder.behaviour = OcspBehaviour.DOWN
        check(nginx.request(credential=client), verdict, protocol)
        if verdict.accepted:
            again = nginx.request(session=first.session)
            check(again, verdict, protocol)
            assert again.resumed
        assert len(responder.queries) == 1

    for behaviour in (OcspBehaviour.TRY_LATER, OcspBehaviour.STALE, OcspBehaviour.EMPTY, OcspBehaviour.OTHER_SERIAL):
        client = ca.issue_client(str(behaviour))
        responder.behaviour = behaviour
        check(nginx.request(credential=client), FAILED, protocol)
        responder.behaviour = OcspBehaviour.HONEST
        check(nginx.request(credential=client), GOOD, protocol)


def test_a_cache_forgets_at_next_update(servers: Servers, ca: CertificateAuthority, responder: OcspResponder) -> None:
    """The five minutes that a late answer is given (ngx_ssl_ocsp_verify) are not given to a cached one.

    An answer without nextUpdate is kept for an hour (ngx_ssl_ocsp_cache_store).
    """
    nginx = servers["http", "cache"]
    client, lasting = ca.issue_client("client"), ca.issue_client("lasting")
    responder.lifetime = timedelta(seconds=2)
    check(nginx.request(credential=client), GOOD)
    responder.behaviour = OcspBehaviour.WITHOUT_NEXT_UPDATE
    check(nginx.request(credential=lasting), GOOD)
    ca.revoke(client)
    ca.revoke(lasting)

    check(nginx.request(credential=client), GOOD)
    time.sleep(2.1)

    check(nginx.request(credential=client), REVOKED)
    check(nginx.request(credential=lasting), GOOD)


def test_an_answer_up_to_five_minutes_late_will_do(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder
) -> None:
    """OCSP_check_validity is given 300 seconds."""
    nginx = servers["http", "on"]
    client = ca.issue_client("client")

    responder.lifetime = timedelta(seconds=-280)
    check(nginx.request(credential=client), GOOD)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_resumed_session_is_asked_about_again(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, tls: str, protocol: str
) -> None:
    """Row 56: revocation ends a session, which a CRL does not always do."""
    nginx = servers[protocol, "on"]
    client = ca.issue_client("client")
    first = nginx.request(credential=client, tls=tls)

    again = nginx.request(session=first.session, tls=tls)
    ca.revoke(client)
    refused = nginx.request(session=again.session, tls=tls)

    check(again, GOOD, protocol)
    check(refused, REVOKED, protocol)
    assert (again.resumed, refused.resumed) == (True, True)
    assert refused.variables["ssl_session_reused"] == "r"
    assert len(responder.queries) == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_asks_for_no_certificate_asks_nobody(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, protocol: str
) -> None:
    """Row 57: ssl_verify_client off makes ssl_ocsp mean nothing."""
    nginx = servers[protocol, "off"]

    outcome = nginx.request(credential=ca.issue_client("client"))

    assert (outcome.accepted, outcome.verify, responder.queries) == (True, "NONE", ())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_nginx_does_not_start_with(serve: Any, harness: Harness, responder: OcspResponder, protocol: str) -> None:
    """Rows 58 and 86: optional_no_ca, and a responder behind TLS."""
    with pytest.raises(NginxStartError, match='"ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca"'):
        serve(verify="optional_no_ca", ocsp=responder, protocol=protocol)
    with pytest.raises(NginxStartError, match="invalid URL prefix in OCSP responder"):
        serve(ocsp=Ocsp("https://127.0.0.1/"), protocol=protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_responder_that_never_answers_hangs_the_client(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, protocol: str
) -> None:
    """Row 58b: nginx has no time limit of its own for it. The request ends when its own time is over."""
    nginx = servers[protocol, "on"]
    responder.behaviour = OcspBehaviour.HANGING

    started = time.monotonic()
    outcome = nginx.request(credential=ca.issue_client("client"), timeout=0.5)

    assert time.monotonic() - started < 4
    assert (outcome.accepted, outcome.ending, outcome.status) == (False, Ending.TIMEOUT, None)
    assert len(responder.queries) == 1


def test_a_client_that_hangs_is_dropped_when_the_handshake_s_time_is_over(
    harness: Harness, serve: Any, ca: CertificateAuthority, responder: OcspResponder
) -> None:
    """Row 58b: 60 seconds by default, and then no answer at all.

    In stream the log says SUCCESS of who never got in: the status is good until it is known to be another
    (``ngx_ssl_ocsp_validate``).
    """
    responder.behaviour = OcspBehaviour.HANGING
    for protocol, limit, verify in (
        ("http", "client_header_timeout", None),
        ("stream", "ssl_handshake_timeout", "SUCCESS"),
    ):
        nginx = serve(ocsp=responder, protocol=protocol, directives=f"{limit} 500ms;")

        started = time.monotonic()
        outcome = nginx.request(credential=ca.issue_client("client"))

        assert 0.4 < time.monotonic() - started < 4
        assert (outcome.accepted, outcome.ending, outcome.status, outcome.body) == (False, Ending.CLOSED, None, b"")
        assert outcome.verify == verify
        assert outcome.forwarded is None


def test_an_old_worker_goes_when_the_responder_lets_go(
    serve: Any, ca: CertificateAuthority, responder: OcspResponder
) -> None:
    """nginx does not notice that the client has left, so that a reload would wait a minute for it."""
    nginx = serve(ocsp=responder)
    responder.behaviour = OcspBehaviour.HANGING
    nginx.request(credential=ca.issue_client("client"), timeout=0.3)

    responder.behaviour = OcspBehaviour.HONEST

    assert nginx.update(timeout=5).applied


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_slow_responder_is_waited_for(
    servers: Servers, ca: CertificateAuthority, responder: OcspResponder, protocol: str
) -> None:
    """By that client alone: nginx serves others meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    nginx = servers[protocol, "on"]
    clients = [ca.issue_client(f"client-{number}") for number in range(4)]
    responder.delay = 0.5

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        connections = list(pool.map(lambda each: nginx.connect(credential=each), clients))
        accepted = list(pool.map(lambda each: _asked(each, protocol), connections))
    taken = time.monotonic() - started

    assert accepted == [True] * 4
    assert 0.5 <= taken < 1.5


def _asked(connection: Any, protocol: str) -> bool:
    with connection:
        return connection.exchange(b"x") == b"x" if protocol == "stream" else bool(connection.request().accepted)


def test_a_connection_is_asked_about_once(serve: Any, ca: CertificateAuthority, responder: OcspResponder) -> None:
    """At its handshake: further requests go on, whatever was revoked meanwhile; in HTTP/2 too."""
    nginx = serve(client_ca=ca, ocsp=responder, http2=True)
    client = ca.issue_client("client")

    for http2 in (False, True):
        with nginx.connect(credential=client, http2=http2) as connection:
            assert connection.request().accepted
            responder.behaviour = OcspBehaviour.REVOKED
            assert connection.request().accepted
        responder.behaviour = OcspBehaviour.HONEST
    assert len(responder.queries) == 2


def test_each_virtual_server_has_its_own(serve: Any, ca: CertificateAuthority, responder: OcspResponder) -> None:
    """What is said for the listener holds where a virtual server says nothing."""
    nginx = serve(
        client_ca=ca,
        ocsp=responder,
        virtual_servers=[VirtualServer("asking.test"), VirtualServer("trusting.test", ocsp=None)],
    )
    bob = ca.issue_client("bob")
    ca.revoke(bob)

    check(nginx.request(credential=bob, server_name="asking.test"), REVOKED)
    check(nginx.request(credential=bob, server_name="trusting.test"), GOOD)


def test_an_update_can_change_who_is_asked(serve: Any, ca: CertificateAuthority, responder: OcspResponder) -> None:
    """Or that anybody is; the responder's address stays."""
    nginx: NginxServer = serve(client_ca=ca, ocsp=responder)
    bob = ca.issue_client("bob")
    ca.revoke(bob)
    before = nginx.config

    nginx.update(ocsp=None)
    check(nginx.request(credential=bob), GOOD)
    with ca.ocsp_responder(behaviour="unknown") as other:
        nginx.update(ocsp=other)
        check(nginx.request(credential=bob), UNKNOWN)
    nginx.update(ocsp=responder)

    assert nginx.config == before
    check(nginx.request(credential=bob), REVOKED)
