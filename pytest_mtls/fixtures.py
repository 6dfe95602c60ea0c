"""The fixtures. Everything they give lives in the library; see the README for what each is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_mtls.engines.protocol import Engine
    from pytest_mtls.factory import NginxFactory
    from pytest_mtls.harness import Harness
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.states import CredentialState
    from pytest_mtls.pool import ServerPool
    from pytest_mtls.server import NginxServer


@pytest.fixture(scope="session")
def _mtls_harness(request: pytest.FixtureRequest, mtls_ca: CertificateAuthority) -> Harness:
    from pytest_mtls.sessions import harness_with

    return harness_with(request.config, mtls_ca)


@pytest.fixture(scope="session")
def _mtls_pool(request: pytest.FixtureRequest, _mtls_harness: Harness) -> ServerPool:
    from pytest_mtls.sessions import pool_of

    return pool_of(request.config)


@pytest.fixture(scope="session")
def mtls_ca(request: pytest.FixtureRequest) -> CertificateAuthority:
    """The authority that servers trust by default; a suite that has its own overrides this in its first conftest.py."""
    from pytest_mtls.sessions import harness_of

    return harness_of(request.config).ca


@pytest.fixture(scope="session")
def mtls_credentials(_mtls_harness: Harness) -> Mapping[CredentialState, Credential | None]:
    """One credential for each ``CredentialState``, minted when first looked at."""
    return _mtls_harness.credentials


@pytest.fixture(scope="session")
def mtls_engine(_mtls_harness: Harness) -> Engine:
    """What runs nginx: ``.name`` is ``docker`` or ``process``, ``.description`` says more."""
    return _mtls_harness.engine


@pytest.fixture
def mtls_nginx(request: pytest.FixtureRequest, _mtls_pool: ServerPool) -> Iterator[NginxServer]:
    """An nginx as ``@pytest.mark.mtls`` asks; shared with other tests that ask the same, so read-only."""
    from pytest_mtls.marking import arguments_of
    from pytest_mtls.sessions import watched

    server = _mtls_pool.get(arguments_of(request.node, getattr(request, "param", None)))
    with watched(request.node, server):
        yield server


@pytest.fixture
def mtls_nginx_factory(request: pytest.FixtureRequest, _mtls_harness: Harness) -> Iterator[NginxFactory]:
    """A callable: the marker's arguments -> a private nginx, stopped at the end of the test."""
    from pytest_mtls.marking import arguments_of
    from pytest_mtls.sessions import PrivateServers

    servers = PrivateServers(request.node, arguments_of(request.node, getattr(request, "param", None)), _mtls_harness)
    try:
        yield servers
    finally:
        servers.close()
