from pathlib import Path

import pytest
from sidecar import Sidecar

from pytest_mtls import OcspBehaviour

CONFIG = Path(__file__).parent / "deploy" / "nginx.conf"
NAME = "shop.example.com"


def shop(environ, start_response):
    start_response("200 OK", [])
    return [environ["HTTP_X_CLIENT_DN"].encode()]


@pytest.fixture
def responder(mtls_ca):
    with mtls_ca.ocsp_responder() as responder:
        yield responder


@pytest.fixture
def serve(mtls_nginx_factory, mtls_ca, responder):
    def serve(**options):
        sidecar = Sidecar({mtls_ca.certificate: responder.url}, **options)
        return mtls_nginx_factory(config=CONFIG, upstreams={"shop": shop, "sidecar": sidecar})

    return serve


@pytest.fixture
def beside(mtls_nginx_factory, responder):
    """nginx's own check, for everything."""
    return mtls_nginx_factory(verify="on", ocsp=responder)


def buy(nginx, credential):
    return nginx.request("/orders", method="POST", body=b"a book", credential=credential, server_name=NAME)


def test_a_revocation_counts_at_once_and_where_it_is_asked_for(serve, beside, mtls_ca, responder):
    nginx, alice = serve(), mtls_ca.issue_client("alice")
    assert (buy(nginx, alice).status, buy(nginx, alice).body) == (200, b"CN=alice")
    assert beside.request(credential=alice).accepted
    mtls_ca.revoke(alice)
    responder.forget()
    assert buy(nginx, alice).status == 403
    assert responder.serials == (alice.certificate.serial_number,)
    # The side-car is asked where the configuration says so; nginx's own check is for a whole server.
    assert nginx.request("/", credential=alice, server_name=NAME).status == 200
    assert beside.request(credential=alice).reason == "certificate_revoked"


def test_it_takes_the_answers_that_nginx_takes(serve, beside, mtls_ca, responder):
    nginx, alice = serve(), mtls_ca.issue_client("alice")
    taken = {}
    for responder.behaviour in (each for each in OcspBehaviour if each != "hanging"):
        taken[str(responder.behaviour)] = buy(nginx, alice).accepted, beside.request(credential=alice).accepted
    assert {behaviour: both for behaviour, both in taken.items() if len(set(both)) > 1} == {}
    assert taken["honest"] == (True, True)


def test_a_responder_that_hangs_costs_no_more_than_its_seconds(serve, mtls_ca, responder):
    nginx, alice = serve(seconds=0.3), mtls_ca.issue_client("alice")
    responder.behaviour = "hanging"
    assert buy(nginx, alice).status == 403


def test_nobody_asks_about_a_stranger_or_reaches_the_side_car(serve, mtls_credentials, responder):
    nginx = serve()
    assert buy(nginx, None).reason == "no_certificate"
    assert buy(nginx, mtls_credentials["unknown-ca"]).internal_status == 495
    assert nginx.request("/is-it-revoked", credential=mtls_credentials["valid"], server_name=NAME).status == 404
    assert responder.queries == ()


def test_the_mistake_this_side_car_avoids(serve, mtls_ca, responder):
    """To let everybody in while the responder is down: whoever stole a key sees to that."""
    nginx, thief = serve(fails_open=True), mtls_ca.issue_client("thief")
    mtls_ca.revoke(thief)
    assert buy(nginx, thief).status == 403
    responder.behaviour = "down"
    assert buy(nginx, thief).status == 200
