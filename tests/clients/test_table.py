"""What each client shows where nginx refuses it: the table, against real servers and with the real clients."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from pytest_mtls import CredentialState, Harness, VerifyMode
from pytest_mtls.clients.catalogue import CLIENTS
from pytest_mtls.clients.measure import MeasuredAnswer
from pytest_mtls.clients.situations import SITUATIONS
from tests.clients.conftest import Measure

COMMANDS: Final = ("curl", "openssl")
WITHHOLDING: Final = ("go", "java")
QUICK: Final = ("curl", "openssl", "go")

# What nginx does with any client that sends what it has; in brackets nginx's own status.
NGINX: Final = {
    "none-on": "400 (496) no_certificate",
    "none-optional": "200 NONE",
    "valid-on": "200 SUCCESS",
    "valid-optional": "200 SUCCESS",
    "expired-on": "400 (495) certificate_expired",
    "expired-optional": "400 (495) certificate_expired",
    "unknown-ca-on": "400 (495) unable_to_verify_first_certificate",
    "unknown-ca-optional": "400 (495) unable_to_verify_first_certificate",
    "revoked-on": "400 (495) certificate_revoked",
    "revoked-optional": "400 (495) certificate_revoked",
    "hidden-on": "200 SUCCESS",
    "hidden-optional": "200 SUCCESS",
    "encrypted-key": "200 SUCCESS",
    "server-not-trusted": "TLS ended: server not trusted",
    "stream-none": "closed no_certificate",
    "stream-valid": "200 SUCCESS",
    "stream-revoked": "closed certificate_revoked",
}
# And where the client keeps back what nginx's list of CAs does not name.
WITHHELD: Final = {
    "unknown-ca-on": "400 (496) no_certificate, withheld",
    "unknown-ca-optional": "200 NONE, withheld",
    "hidden-on": "400 (496) no_certificate, withheld",
    "hidden-optional": "200 NONE, withheld",
}
# A stream server closes after the handshake, without an alert. Whether the end of TCP is seen as one or as a reset is
# luck, and Node's fetch at times forgets its request.
CLOSED: Final = {
    "curl": r"exit 52",
    "openssl": r"exit 0",
    "go": r"url.Error > (io.EOF|net.OpError.*)",
    "node-https": r"Error ECONNRESET",
    "node-fetch": r"TypeError > SocketError UND_ERR_SOCKET|unsettled promise",
    "java": r"IOException > EOFException|IOException > SocketException|SocketException",
    "requests": r"ConnectionError > ProtocolError > (RemoteDisconnected|ConnectionResetError)",
    "httpx": r"RemoteProtocolError|ReadError.*",
    "httpx2": r"RemoteProtocolError|ReadError.*",
    "aiohttp": r"ServerDisconnectedError|ClientConnectionResetError|ClientOSError.*",
}
UNTRUSTED: Final = {
    "curl": r"exit 60",
    "openssl": r"exit 1",
    "go": r"url.Error > (tls.CertificateVerificationError > )?x509.UnknownAuthorityError",
    "node-https": r"Error UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "node-fetch": r"TypeError > Error UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "java": r"SSLHandshakeException > ValidatorException > SunCertPathBuilderException",
    "requests": r"SSLError > MaxRetryError > SSLError > SSLCertVerificationError",
    "httpx": r"ConnectError > SSLCertVerificationError",
    "httpx2": r"ConnectError > SSLCertVerificationError",
    "aiohttp": r"ClientConnectorCertificateError > SSLCertVerificationError",
}


def _wrong(answer: MeasuredAnswer) -> str:
    """What is not as the table above has it."""
    client, situation = answer.client, answer.situation
    nginx = {**NGINX, **(WITHHELD if client in WITHHOLDING else {})}[situation]
    if (client, situation) == ("go", "encrypted-key"):
        nginx, shown = "not sent", r"errors.errorString"
    elif situation == "server-not-trusted":
        shown = UNTRUSTED[client]
    elif nginx.startswith("closed"):
        shown = CLOSED[client]
    else:
        shown = ("exit 0, " if client in COMMANDS else "") + f"status {nginx[:3]}"
    if answer.words == nginx and re.fullmatch(shown, answer.shown.result):
        return ""
    return f"{client} {situation} {answer.tls}: {answer.words} / {answer.shown}, not {nginx} / {shown}"


@pytest.mark.parametrize("client", QUICK)
def test_a_client_shows_what_was_measured_before(client: str, measured: Measure) -> None:
    """In every situation, by TLS 1.3 and 1.2."""
    answers = measured(client, list(SITUATIONS), ["1.2", "1.3"])

    assert [each for each in map(_wrong, answers) if each] == []


@pytest.mark.long
@pytest.mark.parametrize("client", [name for name in CLIENTS if name not in QUICK])
def test_a_slower_client_shows_what_was_measured_before(client: str, measured: Measure) -> None:
    """In each kind of situation once; by TLS 1.2 where the end of the connection can look different."""
    answers = measured(client, ["stream-none"], ["1.2"])
    answers += measured(client, ["none-on", "encrypted-key", "server-not-trusted"], ["1.3"])
    if client in WITHHOLDING:
        answers += measured(client, ["unknown-ca-optional"], ["1.3"])

    assert [each for each in map(_wrong, answers) if each] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_the_outcome_is_nginx_s_own(client: str, processes: Harness, present: Callable[[str], None]) -> None:
    """With an intermediate sent along: what nginx verified, what it passed on, and what came back."""
    present(client)
    nginx = processes.nginx(verify="optional_no_ca", depth=2)
    credential = processes.credentials[CredentialState.VIA_INTERMEDIATE]
    assert credential is not None

    outcome = nginx.request_with(client, "/some/path?x=1", credential=credential)

    assert outcome.matches(nginx.expected(CredentialState.VIA_INTERMEDIATE)), outcome.explain()
    assert outcome.variables["ssl_client_s_dn"] == credential.subject_dn
    assert outcome.forwarded is not None
    assert outcome.forwarded.target == "/some/path?x=1"
    assert outcome.forwarded["X-SSL-Client-Verify"] == "SUCCESS"
    assert b"/some/path?x=1" in outcome.body
    assert (outcome.tls_version, outcome.client) == ("1.3", client)
    processes.discard(nginx)


@pytest.mark.parametrize("mode", VerifyMode)
@pytest.mark.parametrize("client", ["curl", "openssl", "node-https"])
def test_those_that_send_what_they_have_meet_the_truth_table(
    client: str, mode: VerifyMode, processes: Harness, present: Callable[[str], None]
) -> None:
    """In every mode: nginx does to them what it does to the probe."""
    present(client)
    nginx = processes.nginx(verify=mode)
    states = (CredentialState.NONE, CredentialState.VALID, CredentialState.UNKNOWN_CA, CredentialState.EXPIRED)

    for state in states:
        outcome = nginx.request_with(client, credential=processes.credentials[state])
        assert outcome.matches(nginx.expected(state)), outcome.explain()
    processes.discard(nginx)


@pytest.mark.parametrize("client", ["go"])
def test_a_client_that_withholds_meets_what_the_probe_does_when_it_obeys(
    client: str, processes: Harness, present: Callable[[str], None]
) -> None:
    """Where optional_no_ca would have let its certificate through, nginx never sees it."""
    present(client)
    nginx = processes.nginx(verify="optional_no_ca")
    stranger = processes.credentials[CredentialState.UNKNOWN_CA]

    outcome = nginx.request_with(client, credential=stranger)
    probe = nginx.request(credential=stranger, obeys_ca_hints=True)

    assert outcome.withheld
    assert (outcome.status, outcome.verify) == (probe.status, probe.verify) == (200, "NONE")
    assert "withheld since the server names no CA of its chain" in outcome.explain()
    assert not nginx.request_with("curl", credential=stranger).withheld
    processes.discard(nginx)


def test_a_container_is_asked_alike(docker_harness: Harness) -> None:
    """Through the published port, which hides the client's own."""
    nginx = docker_harness.nginx(verify="on", crl=True)

    known = nginx.request_with("curl", credential=docker_harness.credentials[CredentialState.VALID])
    revoked = nginx.request_with("curl", credential=docker_harness.credentials[CredentialState.REVOKED])

    assert (known.status, known.verify, known.forwarded is not None) == (200, "SUCCESS", True)
    assert (revoked.status, revoked.internal_status, revoked.reason) == (400, 495, "certificate_revoked")
