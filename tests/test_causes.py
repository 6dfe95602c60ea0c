"""Likely causes: real outcomes, the logs of real nginx, and what real clients print lead to the entry that fits."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import requests

from pytest_mtls import Credential, CredentialState, Harness, NginxServer, NginxStartError
from pytest_mtls.causes import CAUSES, fitting
from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.evidence import Evidence, Sign
from pytest_mtls.generations import GENERATIONS
from pytest_mtls.stage import catalogue
from pytest_mtls.symptoms import recognise
from tests.generations.conftest import built

State = CredentialState


def _of(harness: Harness, state: CredentialState) -> Credential:
    credential = harness.credentials[state]
    assert credential is not None
    return credential


def causes_of(text: str) -> list[str]:
    """The entries that fit one line."""
    evidence = recognise(text.encode())
    return [cause.identifier for cause in fitting(evidence)] if evidence else []


def test_every_cause_that_names_a_scenario_has_it() -> None:
    """Whoever is told a cause can run it; and none that could be run is kept quiet."""
    there = {cause.identifier for cause in CAUSES if cause.identifier.lower().replace("_", "-") in catalogue.names()}

    assert there == {cause.identifier for cause in CAUSES if cause.command}
    assert len({cause.identifier for cause in CAUSES}) == len(CAUSES)


def test_signs_ask_for_what_evidence_has() -> None:
    """An attribute in one and not in the other would never be compared."""
    assert [each.name for each in dataclasses.fields(Sign)] == [each.name for each in dataclasses.fields(Evidence)]


@pytest.mark.parametrize(
    "arguments, state, identifier",
    [
        ({"verify": "on"}, State.NONE, "nginx-never-fails-the-handshake"),
        ({"verify": "on"}, State.EXPIRED, "nginx-never-fails-the-handshake"),
        ({"verify": "optional"}, State.EXPIRED, "optional-is-not-lenient"),
        ({"verify": "optional_no_ca"}, State.EXPIRED, "optional_no_ca-is-not-accept-all"),
        ({"verify": "optional_no_ca"}, State.SELF_SIGNED, "optional_no_ca-lets-strangers-in"),
        ({"verify": "on"}, State.INTERMEDIATE_NOT_SENT, "leaf-without-intermediate"),
        ({"verify": "on"}, State.CHAIN_TOO_DEEP, "verify-depth-default-1"),
        ({"verify": "on"}, State.IMPOSTOR, "same-subject-cas"),
        ({"verify": "on"}, State.SERVER_AUTH_ONLY, "serverauth-only-client-cert"),
        ({"verify": "on"}, State.PATH_LENGTH_EXCEEDED, "bad-issuing-ca"),
        ({"verify": "on"}, State.WEAK_KEY, "weak-signature-or-key"),
        ({"verify": "on", "protocol": "stream"}, State.EXPIRED, "stream-verify-closes-silently"),
        ({"verify": "on", "error_pages": {495: "=200 /"}}, State.EXPIRED, "error_page-495-496-serves-content"),
    ],
)
def test_an_outcome_names_its_cause(
    serve: Callable[..., NginxServer],
    harness: Harness,
    arguments: dict[str, object],
    state: CredentialState,
    identifier: str,
) -> None:
    """The first that is named is the one, with the command that reproduces it."""
    explained = serve(**arguments).request(credential=harness.credentials[state]).explain()

    assert f"\nfits: {identifier}: " in explained
    assert f"pytest-mtls scenarios run {identifier}\n" in explained


@pytest.mark.parametrize(
    "mode, identifier", [("on", "crl-missing-for-intermediate"), ("optional", "crl-with-optional-modes")]
)
def test_a_missing_crl_is_named(
    serve: Callable[..., NginxServer], harness: Harness, mode: str, identifier: str
) -> None:
    """The CRL of the root alone is not enough for a client of an intermediate."""
    server = serve(verify=mode, crl=harness.ca.crl())

    explained = server.request(credential=harness.credentials[State.VIA_INTERMEDIATE]).explain()

    assert f"\nfits: {identifier}: nginx checks" in explained or f"\nfits: {identifier}: With ssl_crl" in explained


def test_where_all_is_well_no_cause_is_named(serve: Callable[..., NginxServer], harness: Harness) -> None:
    """A cause of nothing would teach readers to skip causes."""
    outcome = serve().request(credential=harness.credentials[State.VALID])

    assert outcome.accepted
    assert "fits:" not in outcome.explain()


def test_a_resumed_session_is_named_as_such(serve: Callable[..., NginxServer], harness: Harness) -> None:
    """Who wonders why somebody got in learns that nothing was verified."""
    server = serve(session_cache="shared:CAUSES:1m")
    first = server.request(credential=harness.credentials[State.VALID])

    explained = server.request(session=first.session).explain()

    assert "\nfits: revoked-client-resumes-after-reload: " in explained


@pytest.fixture(params=[*GENERATIONS, BUNDLED], scope="module")
def nginx(request: pytest.FixtureRequest) -> str:
    """Each nginx."""
    name = str(request.param)
    return name if name == BUNDLED else built(name).name


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_the_log_of_every_generation_is_understood(
    serve: Callable[..., NginxServer], harness: Harness, nginx: str
) -> None:
    """The same causes from their error logs, although OpenSSL's texts differ: numbers are what is read."""
    plain, stream = serve(nginx=nginx), serve(nginx=nginx, protocol="stream")
    crl = serve(nginx=nginx, crl=harness.ca.crl())
    expected = [
        (plain, State.NONE, "nginx-never-fails-the-handshake"),
        (plain, State.NOT_YET_VALID, "nginx-never-fails-the-handshake"),
        (plain, State.UNKNOWN_CA, "leaf-without-intermediate"),
        (plain, State.CHAIN_TOO_DEEP, "verify-depth-default-1"),
        (plain, State.SERVER_AUTH_ONLY, "serverauth-only-client-cert"),
        (crl, State.VIA_INTERMEDIATE, "crl-missing-for-intermediate"),
        (serve(nginx=nginx, crl=True), State.REVOKED, "nginx-never-fails-the-handshake"),
        (stream, State.EXPIRED, "stream-verify-closes-silently"),
    ]

    seen = [
        (server, state, next((found[0] for line in _log(server, state, harness) if (found := causes_of(line))), None))
        for server, state, _ in expected
    ]

    assert seen == expected


def _log(server: NginxServer, state: CredentialState, harness: Harness) -> tuple[str, ...]:
    return server.request(credential=harness.credentials[state]).log


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_what_tolerated_strangers_leave_in_a_log_is_understood(
    serve: Callable[..., NginxServer], harness: Harness, nginx: str, tmp_path: Path
) -> None:
    """Only the access log has them, as text; "self signed" and "self-signed" are the same."""
    form = (
        """'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "-" "$ssl_client_verify"'"""
    )
    log = tmp_path / "access.log"
    server = serve(
        nginx=nginx,
        verify="optional_no_ca",
        http_directives=[f"log_format own {form};"],
        directives=[f"access_log {log} own;"],
    )
    for state in (State.SELF_SIGNED, State.UNKNOWN_CA):
        assert _get(server, harness.credentials[state]) == 200

    evidence = [recognise(line) for line in _lines(log, 2)]

    assert [each.verify_code if each else None for each in evidence] == [18, 21]
    assert all(fitting(each)[0].identifier == "optional_no_ca-lets-strangers-in" for each in evidence if each)


def _lines(log: Path, count: int) -> list[bytes]:
    """Lines of an access log, which nginx writes when the client has its answer already."""

    def enough() -> list[bytes] | None:
        lines = log.read_bytes().splitlines()
        return lines if len(lines) == count else None

    lines: list[bytes] = wait_until(enough, Deadline.after(5), awaited=f"{count} lines in {log.name}")
    return lines


def _get(server: NginxServer, credential: Credential | None, agent: str = "requests") -> int:
    """By a client that does not wait for a record of its own in the log, which is another's here."""
    with server.requests_session(credential) as session:
        return session.get(server.url, headers={"User-Agent": agent}, timeout=5).status_code


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_the_sizes_in_a_combined_access_log_are_understood(
    serve: Callable[..., NginxServer], harness: Harness, nginx: str, tmp_path: Path
) -> None:
    """All that this format says of a refusal is its page's size; browsers get a longer one."""
    log = tmp_path / "access.log"
    server = serve(nginx=nginx, directives=[f"access_log {log} combined;"])
    for state in (State.EXPIRED, State.NONE, State.VALID):
        for agent in ("curl/7.88.1", "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36"):
            _get(server, harness.credentials[state], agent)
    with socket.create_connection((server.host, server.port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"400" in plain.recv(4096)

    reasons = [each.reason if (each := recognise(line)) else None for line in _lines(log, 7)]
    assert reasons == [*["certificate_refused"] * 2, *["no_certificate"] * 2, None, None, "plain_http"]


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_other_trouble_in_the_log_is_understood(
    serve: Callable[..., NginxServer], harness: Harness, nginx: str
) -> None:
    """A client that distrusts the server, a header that is too large, the lines of a certificate in one."""
    server = serve(nginx=nginx)
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError), _dial(server) as distrusting:
        context.wrap_socket(distrusting, server_hostname="localhost")
    for value in ("a" * 40_000, "-----BEGIN CERTIFICATE-----\n\tMIIB\n"):
        with harness.ca.issue_client("alice").ssl_context().wrap_socket(_dial(server)) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Cert: {value}\r\n\r\n".encode())
            with contextlib.suppress(OSError):
                connection.recv(4096)

    server.request()  # whatever came before is in the log by now
    found = {cause for line in server.log for cause in causes_of(line)}

    assert {"requests-env-bundle-overrides-verify", "cert-header-too-large", "multi-line-cert-header"} <= found


def _dial(server: NginxServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=5)


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_why_an_nginx_does_not_start_is_understood(
    serve: Callable[..., NginxServer], harness: Harness, tmp_path: Path
) -> None:
    """The messages of real programs, old and new, that were given broken files."""
    crl = tmp_path / "crl.pem"
    crl.write_bytes(b"not PEM")
    glued = tmp_path / "glued.pem"
    glued.write_bytes(harness.ca.certificate_pem.rstrip(b"\n") * 2)
    for nginx in (BUNDLED, built("bullseye").name):
        assert "crl-not-pem" in _refusal(serve, nginx, f"ssl_crl {crl};")
        assert "glued-or-bom-pem" in _refusal(serve, nginx, f"ssl_trusted_certificate {glued};")
        assert "verify-client-in-location" in _refusal(serve, nginx, "location /x { ssl_verify_client on; }")
    assert causes_of("nginx: [emerg] no ssl_client_certificate for ssl_verify_client in /etc/nginx/nginx.conf:9") == [
        "verify-on-without-ssl_client_certificate"
    ]


def _refusal(serve: Callable[..., NginxServer], nginx: str, line: str) -> set[str]:
    with pytest.raises(NginxStartError) as refused:
        serve(nginx=nginx, directives=[line])
    return {cause for said in refused.value.log for cause in causes_of(said)}


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def strict(request: pytest.FixtureRequest, process_harness: Harness, tmp_path: Path) -> Iterator[tuple[Harness, int]]:
    """A TLS server that fails the handshake of whoever it does not know, as nginx never does: its port."""
    files = process_harness.ca.issue_server("localhost", "127.0.0.1").write_to(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    context.load_verify_locations(cadata=process_harness.ca.certificate_pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = request.param
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listening.accept()
                accepted.settimeout(5)
                with contextlib.suppress(OSError), context.wrap_socket(accepted, server_side=True) as connection:
                    connection.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield process_harness, listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


def test_alerts_are_understood_as_clients_print_them(strict: tuple[Harness, int], tmp_path: Path) -> None:
    """Python, OpenSSL and curl, told by a server that is no nginx that they are strangers."""
    harness, port = strict
    stranger = _of(harness, State.UNKNOWN_CA)
    files = stranger.write_to(tmp_path)
    commands = [
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{port}",
            "-cert",
            str(files.certificate),
            "-key",
            str(files.key),
        ],
        ["curl", "-sSk", "--cert", str(files.chain), "--key", str(files.key), f"https://127.0.0.1:{port}/"],
    ]
    context = stranger.ssl_context()

    said = {"python": _python(context, port)}
    for command in commands:
        said[command[0]] = _printed(command)

    # After its first write a client may meet a reset instead of the alert, so curl is not always told.
    told = {client for client, text in said.items() if "alert" in text.lower()}
    assert {"python", "openssl"} <= told, said
    for client in told:
        found = [cause for line in said[client].splitlines() for cause in causes_of(line)]
        assert "tls13-alert-on-first-read" in found, said[client]


def _printed(command: list[str]) -> str:
    """What a program prints whose standard input stays open: s_client would leave before an alert of TLS 1.3 comes."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        return process.stdout.read()  # the server ends the connection within five seconds


def _python(context: ssl.SSLContext, port: int) -> str:
    """What the standard library says; it reads before it writes, so that no reset can eat the alert."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as dialled, pytest.raises(ssl.SSLError) as raised:
        with context.wrap_socket(dialled) as connection:
            connection.recv(1)
    return str(raised.value)


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_a_silent_close_is_understood_as_clients_print_it(
    serve: Callable[..., NginxServer], harness: Harness, tmp_path: Path
) -> None:
    """A stream server says nothing; requests, httpx and curl each say so in their way."""
    server = serve(protocol="stream")
    files = _of(harness, State.EXPIRED).write_to(tmp_path)
    curl = ["curl", "-sSk", "--cert", str(files.chain), "--key", str(files.key), server.url]
    said = [subprocess.run(curl, capture_output=True, text=True, timeout=20, check=False).stderr]
    context = _of(harness, State.EXPIRED).ssl_context()
    with httpx.Client(verify=context, trust_env=False) as client, pytest.raises(httpx.TransportError) as by_httpx:
        client.get(server.url)
    with pytest.raises(requests.ConnectionError) as by_requests:
        server.requests_session(harness.credentials[State.EXPIRED]).get(server.url, timeout=5)

    for text in (*said, str(by_httpx.value), str(by_requests.value)):
        assert causes_of(text) == ["stream-verify-closes-silently"], text


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_local_refusals_are_understood_as_clients_print_them(
    serve: Callable[..., NginxServer], harness: Harness, tmp_path: Path
) -> None:
    """A key of another certificate, an encrypted one, and a server that is not trusted."""
    server = serve()
    valid, other = _of(harness, State.VALID), _of(harness, State.VALID_RSA)
    files, others = valid.write_to(tmp_path / "valid"), other.write_to(tmp_path / "other")
    with pytest.raises(ssl.SSLError) as mismatch:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(files.certificate, others.key)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(valid.encrypted_private_key_pem("secret"))
    with pytest.raises((requests.RequestException, OSError)) as locked:
        requests.get(server.url, cert=(str(files.certificate), str(encrypted)), timeout=5)
    with pytest.raises(requests.exceptions.SSLError) as distrusted:
        requests.get(server.url, timeout=5)
    curl = subprocess.run(["curl", "-sS", server.url], capture_output=True, text=True, timeout=20, check=False).stderr

    assert causes_of(str(mismatch.value)) == ["encrypted-or-mismatched-key"]
    assert causes_of(str(locked.value)) == ["encrypted-or-mismatched-key"]
    assert causes_of(str(distrusted.value)) == ["requests-env-bundle-overrides-verify"]
    assert "requests-env-bundle-overrides-verify" in [cause for line in curl.splitlines() for cause in causes_of(line)]


@pytest.mark.parametrize(
    "message, identifier",
    [
        # Java 17, Go 1.19, Node 20, Chromium 156: each against a server that fails the handshake, and against a stream
        # server of nginx 1.31.3.
        ("javax.net.ssl.SSLHandshakeException: Received fatal alert: unknown_ca", "tls13-alert-on-first-read"),
        ('Get "https://a.test/": remote error: tls: unknown certificate authority', "tls13-alert-on-first-read"),
        ('Get "https://localhost:8443/": remote error: tls: expired certificate', "tls13-alert-on-first-read"),
        ("code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'", "tls13-alert-on-first-read"),
        ("code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'", "tls13-alert-on-first-read"),
        ("net::ERR_BAD_SSL_CLIENT_AUTH_CERT", "tls13-alert-on-first-read"),
        ("java.io.IOException: HTTP/1.1 header parser received no bytes", "stream-verify-closes-silently"),
        ('Get "https://localhost:8443/": EOF', "stream-verify-closes-silently"),
        ("Error: socket hang up", "stream-verify-closes-silently"),
        ("page.goto: net::ERR_EMPTY_RESPONSE at https://localhost:8443/", "stream-verify-closes-silently"),
        # OpenSSL 3 reading a .p12 of 1.1.1; Python 3.13 with a CA without key identifiers.
        ("Algorithm (RC2-40-CBC : 0), Properties ()", "pkcs12-rc2-40"),
        ("certificate verify failed: Missing Authority Key Identifier (_ssl.c:1018)", "python-3.13-strict"),
        # nginx as a client, 1.22.1.
        (
            "2026/11/23 10:00:00 [error] 7#7: *1 upstream SSL certificate verify error: (20:unable to get local issuer "
            "certificate) while SSL handshaking to upstream, client: 127.0.0.1",
            "upstream-verify-gaps",
        ),
    ],
)  # fmt: skip
def test_messages_of_programs_that_are_not_here(message: str, identifier: str) -> None:
    """As those programs printed them."""
    assert causes_of(message)[:1] == [identifier]


@pytest.mark.parametrize(
    "line",
    [
        "",
        '127.0.0.1 - - [23/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 215 "-" "curl/7.88.1"',
        '127.0.0.1 - - [23/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 400 157 "-" "curl/7.88.1"',
        "2026/11/23 10:00:00 [notice] 1#1: signal process started",
        "2026/11/23 10:00:00 [info] 7#7: *1 client 127.0.0.1 closed keepalive connection",
        '2026/11/23 10:00:00 [error] 7#7: *1 open() "/srv/ssl.html" failed (2: No such file or directory)',
        "\x00\xff\x1b]0;title\x07",
    ],
)
def test_other_lines_mean_nothing(line: str) -> None:
    """A log is mostly about other things."""
    assert recognise(line.encode("latin-1")) is None
