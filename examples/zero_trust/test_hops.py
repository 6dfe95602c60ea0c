import json
import shutil
from pathlib import Path

import pytest
from ledger import app

from pytest_mtls import CertificateAuthority

DEPLOY = Path(__file__).parent / "deploy"
EDGE, LEDGER = "www.example.com", "ledger.internal.example.com"

# "We are inside our own network."
MISTAKE = ("edge/nginx.conf", "proxy_ssl_verify              on;", "proxy_ssl_verify              off;")


@pytest.fixture(scope="module")
def users():
    return CertificateAuthority("Users")


@pytest.fixture(scope="module")
def hops():
    return CertificateAuthority("Hops")


@pytest.fixture
def start_ledger(mtls_nginx_factory, hops):
    """nginx beside the ledger, with a certificate from that authority."""

    def start(authority=hops):
        server = authority.issue_server(LEDGER)
        files = {
            "/etc/ssl/ledger/server.pem": server,
            "/etc/ssl/ledger/server.key": server,
            "/etc/ssl/hops/ca.pem": hops,
            "/etc/ssl/hops/ca.crl": hops,
        }
        return mtls_nginx_factory(config=DEPLOY / "ledger" / "nginx.conf", files=files, upstreams={"app": app})

    return start


@pytest.fixture
def start_edge(mtls_nginx_factory, users, hops):
    """nginx at the edge, with a certificate of that name for what is behind."""

    def start(ledger, name="edge", folder=DEPLOY):
        identity = hops.issue_client(name)
        files = {
            "/etc/ssl/users/ca.pem": users,
            "/etc/ssl/users/ca.crl": users,
            "/etc/ssl/hops/ca.pem": hops,
            "/etc/ssl/hops/ca.crl": hops,
            "/etc/ssl/edge/client.pem": identity,
            "/etc/ssl/edge/client.key": identity,
        }
        return mtls_nginx_factory(config=folder / "edge" / "nginx.conf", files=files, upstreams={"ledger": ledger})

    return start


@pytest.fixture
def alice(users):
    return users.issue_client("alice")


def test_each_hop_lets_in_its_callers_alone(start_edge, start_ledger, alice, hops):
    ledger = start_ledger()
    edge = start_edge(ledger)
    outcome = edge.request("/", credential=alice, headers={"X-Client-DN": "CN=root"}, server_name=EDGE)
    assert json.loads(outcome.body)["hop"] == "CN=edge"
    assert edge.request("/", server_name=EDGE).reason == "no_certificate"
    assert edge.request("/", credential=hops.issue_client("edge"), server_name=EDGE).status == 400
    assert ledger.request("/", credential=alice, server_name=LEDGER).status == 400
    assert ledger.request("/", credential=hops.issue_client("batch"), server_name=LEDGER).status == 403
    assert ledger.request("/", credential=hops.issue_client("edge"), server_name=LEDGER).status == 200


def test_a_hop_under_another_name_is_refused(start_edge, start_ledger, alice):
    assert start_edge(start_ledger(), name="batch").request("/", credential=alice, server_name=EDGE).status == 403


def test_an_impostor_gets_nothing(start_edge, start_ledger, alice):
    impostor = start_ledger(CertificateAuthority("Elsewhere"))
    edge = start_edge(impostor)
    assert edge.request("/", credential=alice, server_name=EDGE).status == 502
    assert any("upstream SSL certificate verify error" in line for line in edge.log)


def test_a_user_and_a_hop_can_be_revoked(start_edge, start_ledger, users, hops, alice):
    ledger = start_ledger()
    edge = start_edge(ledger)
    users.revoke(alice)
    edge.update()
    assert edge.request("/", credential=alice, server_name=EDGE).reason == "certificate_revoked"
    hop = hops.issue_client("edge")
    hops.revoke(hop)
    ledger.update()
    assert ledger.request("/", credential=hop, server_name=LEDGER).reason == "certificate_revoked"


def test_the_mistake_this_configuration_avoids(start_edge, start_ledger, alice, tmp_path):
    file, old, new = MISTAKE
    shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    impostor = start_ledger(CertificateAuthority("Elsewhere"))
    assert start_edge(impostor, folder=tmp_path).request("/", credential=alice, server_name=EDGE).status == 200
