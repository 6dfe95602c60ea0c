"""Authorities and certificates of trustme, wherever ours go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trustme

from pytest_mtls import (
    CertificateAuthority,
    Credential,
    Harness,
    InvalidArgument,
    NginxServer,
    TlsUpstream,
    VirtualServer,
    from_trustme,
)
from tests.plugin.suite import Suite


@pytest.fixture(scope="module")
def theirs() -> trustme.CA:
    """An authority."""
    return trustme.CA()


@pytest.fixture(scope="module")
def client(theirs: trustme.CA) -> trustme.LeafCert:
    """One of its certificates."""
    return theirs.issue_cert("alice@example.com", common_name="alice")


def _clients(server: NginxServer, client: trustme.LeafCert, folder: str) -> list[int]:
    with server.requests_session(client) as session, server.httpx_client(client) as httpx_client:
        asked = [session.get(server.url).status_code, httpx_client.get("/").status_code]
    assert str(server.curl(client, folder=folder)[-1]).startswith(server.url)
    return asked


def test_named_where_ours_are(
    serve: Callable[..., NginxServer], theirs: trustme.CA, client: trustme.LeafCert, tmp_path: Any
) -> None:
    """The authority of clients with its CRL, the server's certificate, and the client's: with both engines."""
    server = serve(client_ca=theirs, crl=True, server=theirs.issue_cert("localhost"))
    outcome = server.request(credential=client)

    assert (outcome.verify, outcome.accepted) == ("SUCCESS", True)
    assert "CN=alice" in outcome.variables["ssl_client_s_dn"]
    with server.connect(credential=client) as connection:
        assert connection.request().accepted
    assert _clients(server, client, str(tmp_path)) == [200, 200]
    assert server.request_with("curl", credential=client).accepted
    stranger = trustme.CA().issue_cert("mallory@example.com")
    assert server.request(credential=stranger).reason == "unable_to_verify_first_certificate"


def test_between_two_nginx(process_harness: Harness, theirs: trustme.CA, client: trustme.LeafCert) -> None:
    """Several authorities, virtual servers, and what nginx presents to an upstream."""
    behind = process_harness.nginx(client_ca=[theirs, process_harness.ca], server=theirs.issue_cert("inner.test"))
    upstream = TlsUpstream(behind, credential=client, verify=True, trusted_ca=theirs, name="inner.test")
    front = process_harness.nginx(
        virtual_servers=[VirtualServer("a.test", verify="off", upstream=upstream)],
        server=theirs.issue_cert("a.test"),
    )

    outcome = front.request(server_name="a.test")

    assert outcome.forwarded is not None
    assert "CN=alice" in outcome.forwarded["X-SSL-Client-S-DN"]


def test_what_it_has_revoked_is_remembered(process_harness: Harness, theirs: trustme.CA) -> None:
    """As one of ours it can do what ours can; below another it sends the whole chain."""
    authority = from_trustme(theirs)
    assert isinstance(authority, CertificateAuthority)
    below = theirs.create_child_ca()
    bob, carol = from_trustme(theirs.issue_cert("bob@x.test")), below.issue_cert("carol@x.test")
    assert isinstance(bob, Credential)
    server = process_harness.nginx(client_ca=authority, depth=2)
    assert server.request(credential=bob).accepted
    assert server.request(credential=carol).accepted
    assert from_trustme(carol).chain == (from_trustme(below).certificate,)

    authority.revoke(bob)
    server.update(client_ca=theirs, crl=True)

    assert server.request(credential=bob).reason == "certificate_revoked"


def test_it_can_be_the_authority_of_a_suite(suite: Suite) -> None:
    """Given by a fixture that overrides ours."""
    result = suite.run("""
        import pytest, trustme

        @pytest.fixture(scope="session")
        def mtls_ca():
            return trustme.CA()

        def test_it(mtls_nginx, mtls_ca):
            assert mtls_nginx.request(credential=mtls_ca.issue_cert("alice@x.test")).accepted
            assert mtls_nginx.request().reason == "no_certificate"
    """)

    result.assert_outcomes(passed=1)


def test_a_version_that_is_not_known(
    process_harness: Harness, client: trustme.LeafCert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read of it is no longer there, or something else."""
    renamed = trustme.CA()
    with monkeypatch.context() as later:
        later.delattr(trustme.CA, "cert_pem")
        for ask in (lambda: process_harness.nginx(client_ca=renamed), lambda: from_trustme(renamed)):
            with pytest.raises(
                InvalidArgument, match=r"This trustme \d+\.\d+.* object cannot be read.*cert_pem.*CA\. "
            ):
                ask()
    server = process_harness.nginx()
    with monkeypatch.context() as later:
        later.setattr(client, "private_key_pem", "text by now")
        with pytest.raises(InvalidArgument, match=r"cannot be read.*no attribute 'bytes'.*Credential\.from_pem"):
            server.request(credential=client)
    with pytest.raises(InvalidArgument, match="neither a trustme"):
        from_trustme("a path")  # type: ignore[call-overload]
