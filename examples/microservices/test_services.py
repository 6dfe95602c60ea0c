import json
import shutil
from pathlib import Path

import pytest
import services

from pytest_mtls import CertificateAuthority

DEPLOY = Path(__file__).parent / "deploy"
ORDERS, BILLING = "orders.internal.example.com", "billing.internal.example.com"

# Somebody wanted to admit orders-2, too.
MISTAKE = ("billing/nginx.conf", '"~^SUCCESS:CN=orders$"', '"~^SUCCESS:CN=orders"')


@pytest.fixture
def start_orders(mtls_nginx_factory):
    """nginx before orders, which calls billing with that certificate."""

    def start(billing, identity):
        return mtls_nginx_factory(
            config=DEPLOY / "orders" / "nginx.conf",
            upstreams={"app": services.orders, "billing": billing},
            files=dict.fromkeys(("/etc/ssl/orders/client.pem", "/etc/ssl/orders/client.key"), identity),
        )

    return start


@pytest.fixture
def start_billing(mtls_nginx_factory):
    """nginx before billing."""

    def start(folder=DEPLOY, **arguments):
        config = folder / "billing" / "nginx.conf"
        return mtls_nginx_factory(config=config, upstreams={"app": services.billing}, **arguments)

    return start


@pytest.fixture
def shop(mtls_ca):
    return mtls_ca.issue_client("shop")


def test_the_shop_gets_its_invoice_and_billing_sees_orders(start_orders, start_billing, mtls_ca, shop):
    orders = start_orders(start_billing(), mtls_ca.issue_client("orders"))
    invoice = orders.request("/invoices/7", credential=shop, headers={"X-Client-DN": "CN=root"}, server_name=ORDERS)
    assert json.loads(invoice.body) == {"invoice": 7, "caller": "CN=orders"}
    order = orders.request("/orders/7", credential=shop, headers={"X-Client-DN": "CN=root"}, server_name=ORDERS)
    assert json.loads(order.body) == {"order": 7, "caller": "CN=shop"}


def test_billing_answers_orders_alone(start_billing, mtls_ca, shop):
    billing = start_billing()
    assert billing.request("/invoices/7", credential=mtls_ca.issue_client("orders"), server_name=BILLING).status == 200
    for name in ("Orders", "orders-2", "reorders", "orders,O=x", "x,CN=orders"):
        assert billing.request("/invoices/7", credential=mtls_ca.issue_client(name), server_name=BILLING).status == 403
    assert billing.request("/invoices/7", credential=shop, server_name=BILLING).status == 403
    assert billing.request("/invoices/7", server_name=BILLING).reason == "no_certificate"
    assert billing.request("/", server_name=None, host=BILLING).alert == "unrecognized_name"


def test_orders_must_show_who_it_is(start_orders, start_billing, mtls_ca, shop):
    orders = start_orders(start_billing(), mtls_ca.issue_client("web"))
    assert orders.request("/invoices/7", credential=shop, server_name=ORDERS).status == 403


def test_a_revoked_service_is_locked_out(start_orders, start_billing, mtls_ca, shop):
    identity = mtls_ca.issue_client("orders")
    billing = start_billing()
    orders = start_orders(billing, identity)
    assert orders.request("/invoices/7", credential=shop, server_name=ORDERS).status == 200
    mtls_ca.revoke(identity)
    billing.update()
    assert orders.request("/invoices/7", credential=shop, server_name=ORDERS).status == 400


def test_orders_does_not_talk_to_an_impostor(start_orders, start_billing, mtls_ca, shop):
    forged = CertificateAuthority("Elsewhere").issue_server(BILLING)
    places = ("/etc/ssl/billing/server.pem", "/etc/ssl/billing/server.key")
    orders = start_orders(start_billing(files=dict.fromkeys(places, forged)), mtls_ca.issue_client("orders"))
    assert orders.request("/invoices/7", credential=shop, server_name=ORDERS).status == 502


def test_the_mistake_this_configuration_avoids(start_billing, mtls_ca, tmp_path):
    file, old, new = MISTAKE
    shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    tester = mtls_ca.issue_client("orders-staging")
    outcome = start_billing(tmp_path).request("/invoices/7", credential=tester, server_name=BILLING)
    assert json.loads(outcome.body) == {"invoice": 7, "caller": "CN=orders-staging"}
