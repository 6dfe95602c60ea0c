import json
import shutil
from pathlib import Path

import pytest
from portal import app

from pytest_mtls import CertificateAuthority

DEPLOY = Path(__file__).parent / "deploy"
ACME, GLOBEX = "acme.partners.example.com", "globex.partners.example.com"

# Without it, nginx takes the first server for the default one: that is acme's.
MISTAKE = (
    "nginx.conf",
    """\
    server {
        listen 443 ssl default_server;
        ssl_reject_handshake on;
    }
""",
    "",
)


@pytest.fixture(scope="module")
def acme():
    return CertificateAuthority("Acme CA")


@pytest.fixture(scope="module")
def globex():
    return CertificateAuthority("Globex CA")


@pytest.fixture
def start(mtls_nginx_factory, acme, globex):
    """nginx with a CA for each partner, and its CRL."""

    def start(folder=DEPLOY):
        files = {
            "/etc/ssl/partners/acme.pem": acme,
            "/etc/ssl/partners/acme.crl": acme,
            "/etc/ssl/partners/globex.pem": globex,
            "/etc/ssl/partners/globex.crl": globex,
        }
        return mtls_nginx_factory(config=folder / "nginx.conf", files=files, upstreams={"portal": app})

    return start


def test_each_partner_and_nobody_else_sees_its_own_orders(start, acme, globex, mtls_ca):
    nginx = start()
    for name, authority, orders in ((ACME, acme, ["anvil", "rocket"]), (GLOBEX, globex, ["umbrella"])):
        outcome = nginx.request(
            "/orders", credential=authority.issue_client("buyer"), headers={"X-Partner": "acme"}, server_name=name
        )
        assert json.loads(outcome.body) == {"partner": name.split(".")[0], "orders": orders, "asked_by": "CN=buyer"}
        assert nginx.request("/orders", credential=mtls_ca.issue_client("staff"), server_name=name).status == 400
        assert nginx.request("/orders", server_name=name).reason == "no_certificate"


def test_a_partner_does_not_get_into_the_others(start, acme, globex):
    nginx = start()
    for authority, own, other in ((acme, ACME, GLOBEX), (globex, GLOBEX, ACME)):
        buyer = authority.issue_client("buyer")
        assert nginx.request("/orders", credential=buyer, server_name=other).status == 400
        # By its own handshake with the other's name in the request, and by no name or a wrong one.
        crossed = nginx.request("/orders", credential=buyer, server_name=own, host=other)
        assert (crossed.accepted, crossed.status) == (False, 421)
        for name in (None, "other.example.com"):
            outcome = nginx.request("/orders", credential=buyer, server_name=name, host=other)
            assert outcome.alert == "unrecognized_name"


def test_a_session_of_one_opens_no_other(start, acme):
    nginx = start()
    for tls in ("1.2", "1.3"):
        first = nginx.request("/orders", credential=acme.issue_client("buyer"), server_name=ACME, tls=tls)
        assert first.accepted
        for name in (ACME, GLOBEX):
            assert not nginx.request("/orders", session=first.session, server_name=name, tls=tls).accepted


def test_a_partner_revokes_its_own(start, acme, globex):
    nginx = start()
    buyer, other = acme.issue_client("buyer"), globex.issue_client("buyer")
    acme.revoke(buyer)
    nginx.update()
    assert nginx.request("/orders", credential=buyer, server_name=ACME).reason == "certificate_revoked"
    assert nginx.request("/orders", credential=other, server_name=GLOBEX).status == 200


def test_the_mistake_this_configuration_avoids(start, acme, tmp_path):
    file, old, new = MISTAKE
    shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    buyer = acme.issue_client("buyer")
    outcome = start(tmp_path).request("/orders", credential=buyer, server_name=None, host=GLOBEX)
    assert json.loads(outcome.body)["orders"] == ["umbrella"]
