import pytest
from store import Store


@pytest.fixture
def store(mtls_engine):
    with Store((mtls_engine.upstream_bind, 0)) as store:
        yield store


@pytest.fixture
def gateway(mtls_nginx_factory, mtls_engine, store):
    """nginx before the store."""
    port = store.server_address[1]
    return mtls_nginx_factory(protocol="stream", verify="on", crl=True, upstream=f"{mtls_engine.upstream_host}:{port}")
