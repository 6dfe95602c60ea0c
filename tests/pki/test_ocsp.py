"""The OCSP responder, asked by clients other than nginx: cryptography, http.client and the openssl command."""

from __future__ import annotations

import base64
import gc
import http.client
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki import CertificateAuthority, Credential, KeyType, OcspBehaviour, OcspResponder

GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
SUCCESSFUL = ocsp.OCSPResponseStatus.SUCCESSFUL


def query(issuer: CertificateAuthority, about: Credential, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    """A query as DER."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        about.certificate,
        issuer.certificate,
        algorithm or hashes.SHA1(),
    )
    return builder.build().public_bytes(serialization.Encoding.DER)


def ask(url: str, method: str, body: bytes, timeout: float = 5) -> tuple[int, str, bytes]:
    """Status, content type and body of the answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        if method == "GET":
            connection.request("GET", "/" + quote(base64.b64encode(body).decode(), safe=""))
        else:
            connection.request(method, parts.path, body, {"Content-Type": "application/ocsp-request"})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


def status_of(responder: OcspResponder, issuer: CertificateAuthority, about: Credential) -> ocsp.OCSPResponse:
    """The answer, whose status on the level of HTTP must be good."""
    status, kind, body = ask(responder.url, "POST", query(issuer, about))
    assert (status, kind) == (200, "application/ocsp-response")
    return ocsp.load_der_ocsp_response(body)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_tells_what_its_authority_has_revoked(root: CertificateAuthority, method: str) -> None:
    """With the time and the reason of the list, and at once."""
    alice, bob = root.issue_client("alice"), root.issue_client("bob")
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    with root.ocsp_responder() as responder:
        before = ocsp.load_der_ocsp_response(ask(responder.url, method, query(root, bob))[2])
        root.revoke(bob, "keyCompromise", when)
        after = ocsp.load_der_ocsp_response(ask(responder.url, method, query(root, bob))[2])
        other = ocsp.load_der_ocsp_response(ask(responder.url, method, query(root, alice))[2])

    assert [each.certificate_status for each in (before, after, other)] == [GOOD, REVOKED, GOOD]
    assert after.serial_number == bob.certificate.serial_number
    assert (after.revocation_time_utc, after.revocation_reason) == (when, x509.ReasonFlags.key_compromise)
    assert [each.serial_number for each in responder.queries] == [
        each.certificate.serial_number for each in (bob, bob, alice)
    ]
    assert {each.method for each in responder.queries} == {method}


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()], ids=lambda each: str(each.name))
@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P521, KeyType.ED25519, KeyType.RSA_2048], ids=str)
def test_every_kind_of_key_and_hash_will_do(key_type: KeyType, algorithm: hashes.HashAlgorithm) -> None:
    """The hashes in the answer are of the query's kind (RFC 6960 section 4.1.1)."""
    ca = CertificateAuthority("Keys", key_type=key_type)
    client = ca.issue_client("client")
    with ca.ocsp_responder() as responder:
        answer = ocsp.load_der_ocsp_response(ask(responder.url, "GET", query(ca, client, algorithm))[2])
        responder.behaviour = OcspBehaviour.WRONG_KEY
        wrong = ocsp.load_der_ocsp_response(ask(responder.url, "GET", query(ca, client, algorithm))[2])

    assert (answer.certificate_status, answer.hash_algorithm.name) == (GOOD, algorithm.name)
    assert wrong.signature_algorithm_oid == answer.signature_algorithm_oid
    assert responder.queries[0].hash_algorithm == algorithm.name


def test_each_behaviour_is_wrong_in_the_one_point_it_is_named_for(root: CertificateAuthority) -> None:
    """Seen with a library that judges nothing."""
    client = root.issue_client("client")
    root.revoke(client)
    now = datetime.now(timezone.utc)
    seen: dict[OcspBehaviour, tuple[int, str, bytes]] = {}
    with root.ocsp_responder() as responder:
        for behaviour in OcspBehaviour:
            if behaviour in (OcspBehaviour.HANGING, OcspBehaviour.DOWN):
                continue
            responder.behaviour = behaviour
            seen[behaviour] = ask(responder.url, "POST", query(root, client))
    whole = {each: ocsp.load_der_ocsp_response(body) for each, (_, _, body) in seen.items() if body[:1] == b"\x30"}
    full = {each: answer for each, answer in whole.items() if answer.response_status is SUCCESSFUL}
    wrong_http = {
        each: kind for each, (status, kind, _) in seen.items() if (status, kind[:16]) != (200, "application/ocsp")
    }
    refusals = {str(each): answer.response_status.name for each, answer in whole.items() if each not in full}

    assert set(seen) - set(whole) == {OcspBehaviour.EMPTY, OcspBehaviour.MALFORMED}
    assert set(wrong_http) == {OcspBehaviour.HTTP_ERROR, OcspBehaviour.WRONG_CONTENT_TYPE}
    assert refusals == {
        name: name.replace("-", "_").upper()
        for name in ("malformed-request", "internal-error", "try-later", "sig-required", "unauthorized")
    }
    assert {str(each): answer.certificate_status for each, answer in full.items()} == {
        str(each): {"good": GOOD, "unknown": UNKNOWN}.get(str(each), REVOKED) for each in full
    }
    other = {each for each, answer in full.items() if answer.serial_number != client.certificate.serial_number}
    assert other == {OcspBehaviour.OTHER_SERIAL}
    assert {each for each, answer in full.items() if answer.next_update_utc is None} == {
        OcspBehaviour.WITHOUT_NEXT_UPDATE
    }
    assert {each for each, answer in full.items() if answer.this_update_utc > now} == {OcspBehaviour.FUTURE}
    assert {each for each, answer in full.items() if answer.next_update_utc and answer.next_update_utc < now} == {
        OcspBehaviour.STALE
    }
    enclosed = {each for each, answer in full.items() if answer.certificates}
    delegates = {OcspBehaviour.DELEGATED, OcspBehaviour.DELEGATED_WITHOUT_EKU}
    assert enclosed == delegates | {OcspBehaviour.UNKNOWN_SIGNER}
    for each in delegates:
        full[each].certificates[0].verify_directly_issued_by(root.certificate)


def test_the_openssl_command_agrees(root: CertificateAuthority, tmp_path: Path) -> None:
    """Somebody else's client, which sends a nonce and checks the answer."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command here")
    client = root.issue_client("client")
    (tmp_path / "ca.pem").write_bytes(root.certificate_pem)
    (tmp_path / "client.pem").write_bytes(client.certificate_pem)
    said = {}
    with root.ocsp_responder() as responder:
        for behaviour in ("honest", "revoked", "unknown", "delegated", "wrong-key", "delegated-without-eku", "stale"):
            responder.behaviour = behaviour
            command = ["openssl", "ocsp", "-issuer", "ca.pem", "-cert", "client.pem", "-CAfile", "ca.pem", "-url"]
            done = subprocess.run([*command, responder.url], cwd=tmp_path, capture_output=True, text=True, timeout=10)
            said[behaviour] = done.stdout + done.stderr

    assert all(each.nonce for each in responder.queries)
    assert not any("nonce" in text.lower() for text in said.values())
    for behaviour, fragments in {
        "honest": ("Response verify OK", "client.pem: good"),
        "revoked": ("Response verify OK", "client.pem: revoked"),
        "unknown": ("Response verify OK", "client.pem: unknown"),
        "delegated": ("Response verify OK", "client.pem: good"),
        "wrong-key": ("signature failure",),
        "delegated-without-eku": ("missing ocspsigning usage",),
        "stale": ("Response verify OK", "Status times invalid"),
    }.items():
        assert all(fragment in said[behaviour] for fragment in fragments), said[behaviour]


def test_it_speaks_for_those_above_and_for_nobody_else(root: CertificateAuthority) -> None:
    """Each answer is signed by the one it is about."""
    issuing = root.intermediate("Issuing")
    client, stranger = issuing.issue_client("client"), CertificateAuthority("Stranger")
    above = Credential(issuing.certificate, issuing.private_key)
    root.revoke(issuing)
    with issuing.ocsp_responder() as responder:
        answers = [status_of(responder, *each) for each in ((issuing, client), (root, above))]
        refused = status_of(responder, stranger, stranger.issue_client("x"))
    with OcspResponder(root, stranger) as both:
        assert both.authorities == (root, stranger)
        assert status_of(both, stranger, stranger.issue_client("y")).certificate_status is GOOD

    assert [each.certificate_status for each in answers] == [GOOD, REVOKED]
    assert [each.responder_key_hash for each in answers] == [
        each.key_identifier.key_identifier for each in (issuing, root)
    ]
    assert refused.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_what_is_no_query_is_answered_as_such(root: CertificateAuthority) -> None:
    """And not recorded."""
    with root.ocsp_responder() as responder:
        for method, body in (("GET", b""), ("GET", b"x"), ("POST", b""), ("POST", b"0\x03")):
            answer = ocsp.load_der_ocsp_response(ask(responder.url, method, body)[2])
            assert answer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        assert ask(responder.url, "PUT", b"x")[0] == 405
        with socket.create_connection(("127.0.0.1", urlsplit(responder.url).port or 0), 5) as raw:
            raw.sendall(b"this is not HTTP\r\n\r\n")
            assert raw.recv(64).startswith(b"HTTP/1.1 400 ")
        assert responder.queries == ()


def test_down_refuses_connections_and_keeps_the_port(root: CertificateAuthority) -> None:
    """Each change is in force when the assignment returns."""
    client = root.issue_client("client")
    with root.ocsp_responder(behaviour="down") as responder:
        url = responder.url
        for _ in range(10):
            with pytest.raises(ConnectionRefusedError):
                ask(url, "POST", query(root, client))
            responder.behaviour = OcspBehaviour.HONEST
            assert responder.url == url
            assert status_of(responder, root, client).certificate_status is GOOD
            responder.behaviour = OcspBehaviour.DOWN
        assert len(responder.queries) == 10


def test_a_hanging_client_is_let_go(root: CertificateAuthority) -> None:
    """By another behaviour, by closing, and by its own time limit."""
    client = root.issue_client("client")
    for end in ("behaviour", "down", "close", "timeout"):
        with root.ocsp_responder(behaviour=OcspBehaviour.HANGING) as responder, ThreadPoolExecutor(1) as pool:
            limit = 0.2 if end == "timeout" else 10
            waiting = pool.submit(ask, responder.url, "POST", query(root, client), limit)
            while not responder.queries:
                time.sleep(0.001)
            if end == "close":
                responder.close()
            elif end != "timeout":
                responder.behaviour = OcspBehaviour.DOWN if end == "down" else OcspBehaviour.HONEST
            with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, TimeoutError)):
                waiting.result(5)


def test_a_delay_holds_nobody_else_up(root: CertificateAuthority) -> None:
    """Twenty wait as long as one; it goes with any behaviour."""
    client = root.issue_client("client")
    with root.ocsp_responder(delay=0.3, behaviour="revoked") as responder, ThreadPoolExecutor(20) as pool:
        url, asked = responder.url, query(root, client)
        started = time.monotonic()
        answers = list(pool.map(lambda _: ask(url, "POST", asked)[2], range(20)))
        taken = time.monotonic() - started

    assert {ocsp.load_der_ocsp_response(each).certificate_status for each in answers} == {REVOKED}
    assert 0.3 <= taken < 1.5
    assert len(responder.queries) == 20


def test_next_update_follows_the_lifetime(root: CertificateAuthority) -> None:
    """An hour unless it is told another, also while it runs."""
    client = root.issue_client("client")
    with root.ocsp_responder() as responder:
        for lifetime in (timedelta(hours=1), timedelta(seconds=5)):
            responder.lifetime = lifetime
            answer = status_of(responder, root, client)
            assert answer.next_update_utc is not None
            assert abs(answer.next_update_utc - datetime.now(timezone.utc) - lifetime) < timedelta(seconds=3)


def test_it_listens_on_each_address_when_it_is_asked_for(root: CertificateAuthority) -> None:
    """One port for each, always the same; a host name is whatever the other side calls it."""
    elsewhere = SimpleNamespace(upstream_bind="127.0.0.2", upstream_host="host.docker.internal")
    with root.ocsp_responder() as responder:
        assert responder.url == responder.url
        named = responder.url_for(elsewhere)
        assert named == responder.url_for(elsewhere)
        port = urlsplit(named).port
        assert named == f"http://host.docker.internal:{port}/"
        assert ask(f"http://127.0.0.2:{port}/", "POST", query(root, root.issue_client("x")))[0] == 200
        with pytest.raises(OSError, match="assign requested address"):
            responder.url_for(SimpleNamespace(upstream_bind="192.0.2.1", upstream_host="x"))


def test_nothing_is_left(root: CertificateAuthority) -> None:
    """Neither thread nor port, whether it was closed, twice even, or only forgotten."""
    before = threading.active_count()
    unused = root.ocsp_responder()
    closed, forgotten = root.ocsp_responder(), root.ocsp_responder(behaviour="hanging")
    urls = [closed.url, forgotten.url]
    assert threading.active_count() == before + 2

    unused.close()
    closed.close()
    closed.close()
    del forgotten
    gc.collect()

    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    for url in urls:
        with pytest.raises(ConnectionRefusedError):
            ask(url, "POST", b"")
    for responder in (unused, closed):
        with pytest.raises(InvalidArgument, match="closed"):
            _ = responder.url


def test_closing_at_once_is_no_race(root: CertificateAuthority) -> None:
    """The thread may see that it is to end before it is woken."""

    def open_and_close(_: int) -> None:
        with root.ocsp_responder() as responder:
            assert responder.url

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(open_and_close, range(400)))) == 400


def test_what_it_cannot_be_told_is_named(root: CertificateAuthority) -> None:
    """With what there is."""
    with pytest.raises(InvalidArgument, match=r"behaviour='asleep'.*'honest'.*'down'"):
        root.ocsp_responder(behaviour="asleep")
    with pytest.raises(InvalidArgument, match="at least one authority"):
        OcspResponder()
    with root.ocsp_responder() as responder:
        with pytest.raises(InvalidArgument, match="behaviour='asleep'"):
            responder.behaviour = "asleep"
        assert responder.behaviour is OcspBehaviour.HONEST
    assert "CN=Example Root: honest" in repr(responder)


def test_what_it_was_asked_can_be_forgotten(root: CertificateAuthority) -> None:
    """And is an ordinary value, with the time it came."""
    client = root.issue_client("client")
    with root.ocsp_responder() as responder:
        status_of(responder, root, client)
        (noted,) = responder.queries
        assert responder.serials == (client.certificate.serial_number,)
        assert noted.issuer_key_hash == root.key_identifier.key_identifier
        assert datetime.now(timezone.utc) - noted.when < timedelta(seconds=5)
        responder.forget()
        assert responder.queries == ()
