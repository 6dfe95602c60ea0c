from pathlib import Path

import pytest
from store import Store

DEPLOY = Path(__file__).parent / "deploy"


@pytest.fixture
def store(mtls_engine):
    with Store((mtls_engine.upstream_bind, 0)) as store:
        yield store


@pytest.fixture
def start_gateway(mtls_nginx_factory, mtls_engine, store):
    """nginx before the store."""

    def start(folder=DEPLOY):
        address = f"{mtls_engine.upstream_host}:{store.server_address[1]}"
        return mtls_nginx_factory(config=folder / "nginx.conf", upstreams={"store": address})

    return start


@pytest.fixture
def gateway(start_gateway):
    return start_gateway()
