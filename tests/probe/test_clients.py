"""The clients people use: set up so that nothing interferes, on both engines."""

from __future__ import annotations

import gc
import os
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from pytest_mtls import CertificateAuthority, Harness


def test_requests_presents_the_credential(serve: Any, harness: Harness) -> None:
    """And none where none was given; one session, several requests."""
    nginx = serve(verify="optional")

    with nginx.requests_session(credential=harness.ca.issue_client("alice")) as session:
        seen = [session.get(nginx.url + path).json()["headers"]["X-SSL-Client-S-DN"] for path in ("/1", "/2")]
    with nginx.requests_session() as session:
        anonymous = session.get(nginx.url).json()["headers"]["X-SSL-Client-Verify"]

    assert seen == ["CN=alice", "CN=alice"]
    assert anonymous == "NONE"


def test_httpx_presents_the_credential(serve: Any, harness: Harness) -> None:
    """Over HTTP/1.1 and, where the listener offers it, HTTP/2."""
    alice = harness.ca.issue_client("alice")

    for http2 in (False, True):
        nginx = serve(http2=http2)
        with nginx.httpx_client(credential=alice, http2=http2) as client:
            answer = client.get("/")
            assert (answer.status_code, answer.http_version) == (200, "HTTP/2" if http2 else "HTTP/1.1")


async def test_httpx_presents_the_credential_from_async_code(serve: Any, harness: Harness) -> None:
    """The same from a coroutine."""
    nginx = serve()

    async with nginx.httpx_async_client(credential=harness.ca.issue_client("alice")) as client:
        assert (await client.get("/")).status_code == 200
    async with nginx.httpx_async_client() as client:
        assert (await client.get("/")).status_code == 400


def test_no_client_trusts_anybody_else(
    serve: Any, harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """requests would add certifi's CAs to a context it is given, or those that the environment names."""
    impostor = CertificateAuthority("Impostor CA")
    bundle = tmp_path / "bundle"
    bundle.write_bytes(impostor.certificate_pem)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    honest, false = serve(verify="off"), serve(verify="off", server=impostor.issue_server("localhost"))
    session, client = honest.requests_session(), honest.httpx_client()

    with session, client:
        assert session.get(honest.url).status_code == 200
        assert client.get("/").status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            session.get(false.url)
        with pytest.raises(httpx.ConnectError):
            client.get(false.url)
        adapter = session.get_adapter(honest.url)
        pool: Any = adapter
        assert len(pool._context.get_ca_certs()) == 1


def test_a_server_certificate_of_ones_own_is_trusted(serve: Any) -> None:
    """Whoever issued it."""
    own = CertificateAuthority("Own CA").intermediate("Own issuing CA").issue_server("localhost")
    nginx = serve(verify="off", server=own)

    with nginx.requests_session() as session:
        assert session.get(nginx.url).status_code == 200


def test_an_ssl_context_serves_any_other_library(serve: Any, harness: Harness) -> None:
    """It presents, trusts and checks the name."""
    import socket

    nginx = serve()
    context = nginx.ssl_context(harness.ca.issue_client("alice"))

    with socket.create_connection((nginx.host, nginx.port), 5) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert secure.recv(12) == b"HTTP/1.1 200"
    with socket.create_connection((nginx.host, nginx.port), 5) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="elsewhere.test")


def test_curl_repeats_a_request(serve: Any, harness: Harness, tmp_path: Path) -> None:
    """The printed command runs as it is; its key file is the owner's alone."""
    nginx = serve()
    folder = tmp_path / "certs"

    for credential, status in ((harness.ca.issue_client("alice"), 200), (None, 400)):
        command = nginx.curl(credential, "/path", folder=str(folder))
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        assert said.startswith(f"HTTP/1.1 {status}")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if b"PRIVATE" in path.read_bytes()} == {0o600}


def test_what_explain_prints_can_be_pasted(
    serve: Any, harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After writing the files where it says, in the shell, as it stands."""
    nginx = serve(verify="on", server_names=("a.test", "localhost"))
    alice = harness.ca.issue_client("alice")
    monkeypatch.chdir(tmp_path)
    alice.write_to("certs")

    for asked in ({"credential": alice, "path": "/x?y=1"}, {"credential": alice, "tls": "1.2", "method": "POST"}, {}):
        outcome = nginx.request(**asked)
        command = outcome.explain().splitlines()[-1]
        said = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=20, check=True).stdout
        assert said.startswith(f"HTTP/1.1 {outcome.status}")


def test_no_readable_key_is_left_behind(
    serve: Any, harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not in the temporary folder, not in an open file of this process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    nginx = serve()
    credential = harness.ca.issue_client("alice")
    mark = credential.private_key_pem.split(b"\n")[1]
    with nginx.requests_session(credential=credential) as session, nginx.httpx_client(credential=credential) as client:
        session.get(nginx.url)
        client.get("/")
        nginx.request(credential=credential)
        gc.collect()
        written = [path for path in tmp_path.rglob("*") if path.is_file() and mark in path.read_bytes()]
        opened = [_target(link) for link in Path("/proc/self/fd").iterdir()]

    assert written == []
    assert [name for name in opened if "memfd" in name] == []


def _target(link: Path) -> str:
    """Of a descriptor that another thread may be closing."""
    try:
        return os.readlink(link)
    except OSError:
        return ""
