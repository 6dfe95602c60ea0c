"""Fifty tests over all verify modes, as users write them; the soak run copies this file and runs it many times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from pytest_mtls import (
    CertificateAuthority,
    Credential,
    CredentialState,
    NginxFactory,
    NginxServer,
    ServerGone,
    VerifyMode,
)

MODES = list(VerifyMode)
STATES = [
    CredentialState.NONE,
    CredentialState.VALID,
    CredentialState.EXPIRED,
    CredentialState.NOT_YET_VALID,
    CredentialState.UNKNOWN_CA,
    CredentialState.SELF_SIGNED,
    CredentialState.WRONG_KEY,
    CredentialState.REVOKED,
]


@pytest.mark.mtls(verify=MODES, crl=True)
@pytest.mark.parametrize("state", STATES)
def test_every_state_in_every_mode(
    mtls_nginx: NginxServer, mtls_credentials: Mapping[CredentialState, Credential | None], state: CredentialState
) -> None:
    """32 tests on shared servers."""
    outcome = mtls_nginx.request(credential=mtls_credentials[state])

    assert outcome.matches(mtls_nginx.expected(state)), outcome.explain()


@pytest.mark.mtls(verify=MODES)
def test_held_connections(mtls_nginx: NginxServer, mtls_ca: CertificateAuthority) -> None:
    """4 tests."""
    with mtls_nginx.connect(credential=mtls_ca.issue_client("alice")) as connection:
        assert connection.request().accepted
        assert connection.request().accepted


@pytest.mark.mtls(verify=MODES)
def test_resumption(mtls_nginx: NginxServer, mtls_ca: CertificateAuthority) -> None:
    """4 tests."""
    alice = mtls_ca.issue_client("alice")
    first = mtls_nginx.request(credential=alice)

    assert mtls_nginx.request(credential=alice, session=first.session).resumed


@pytest.mark.parametrize("mode", MODES)
def test_reloads(mtls_nginx_factory: NginxFactory, mtls_ca: CertificateAuthority, mode: VerifyMode) -> None:
    """4 tests on private servers: a revocation takes effect with the reload, and not before."""
    alice = mtls_ca.issue_client("alice", lifetime=timedelta(hours=1))
    nginx = mtls_nginx_factory(verify=mode)
    assert nginx.request(credential=alice).accepted

    nginx.update(verify="on", crl=mtls_ca.crl(extra=[alice]))

    assert nginx.request(credential=alice).reason == "certificate_revoked"


@pytest.mark.parametrize("mode", MODES)
def test_restarts(mtls_nginx_factory: NginxFactory, mtls_ca: CertificateAuthority, mode: VerifyMode) -> None:
    """4 tests."""
    nginx = mtls_nginx_factory(verify=mode)
    nginx.restart()

    assert nginx.request(credential=mtls_ca.issue_client("alice")).accepted


def test_a_stopped_server_is_gone(mtls_nginx_factory: NginxFactory) -> None:
    """1 test."""
    nginx = mtls_nginx_factory()
    nginx.stop()

    with pytest.raises(ServerGone):
        nginx.request()


def test_streams(mtls_nginx_factory: NginxFactory, mtls_ca: CertificateAuthority) -> None:
    """1 test."""
    nginx = mtls_nginx_factory(protocol="stream", verify="on")

    assert nginx.request(credential=mtls_ca.issue_client("alice")).accepted
    assert not nginx.request().accepted
