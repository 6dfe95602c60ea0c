import json
import shutil
from pathlib import Path

import pytest
from dashboard import app

from pytest_mtls import CredentialState

DEPLOY = Path(__file__).parent / "deploy"
NAME = "dashboard.example.com"
STAFF = {"Authorization": "Basic dGVzdDp0ZXN0"}  # test:test, which is in every minted password file

# $ssl_client_verify is NONE, SUCCESS or FAILED:reason.
MISTAKE = ("conf.d/dashboard.conf", "if ($ssl_client_verify != SUCCESS)", "if ($ssl_client_verify = FAILED)")

pytestmark = pytest.mark.mtls(config=DEPLOY / "nginx.conf", upstreams={"dashboard": app})


@pytest.fixture
def root(mtls_ca):
    return mtls_ca.issue_client("root")


def test_the_staff_sees_charts_with_a_password(mtls_nginx):
    outcome = mtls_nginx.request("/charts/sales", headers=STAFF, server_name=NAME)
    assert json.loads(outcome.body) == {"user": "test", "admin": None, "chart": "sales"}
    assert mtls_nginx.request("/", headers=STAFF, server_name=NAME).status == 200
    for path in ("/", "/charts/sales"):
        assert mtls_nginx.request(path, server_name=NAME).status == 401


def test_administrators_come_with_a_certificate(mtls_nginx, root):
    outcome = mtls_nginx.request("/admin/mail", credential=root, headers={"X-User": "boss"} | STAFF, server_name=NAME)
    assert json.loads(outcome.body) == {"user": None, "admin": "CN=root", "setting": "mail"}


@pytest.mark.parametrize(
    "path",
    [
        "/admin/mail",
        "/Admin/mail",
        "/%61dmin/mail",
        "//admin/mail",
        "/charts/../admin/mail",
        "/charts/%2e%2e/admin/mail",
    ],
)
def test_a_password_is_not_enough(mtls_nginx, path):
    outcome = mtls_nginx.request(path, headers=STAFF, server_name=NAME)
    assert (outcome.accepted, outcome.status) == (False, 403)


def test_the_application_gets_the_path_that_was_checked(mtls_nginx):
    chart = mtls_nginx.request("/admin/../charts/sales", headers=STAFF, server_name=NAME)
    assert json.loads(chart.body)["chart"] == "sales"
    home = mtls_nginx.request("/admin/mail/../..", headers=STAFF, server_name=NAME)
    assert json.loads(home.body) == {"user": "test", "admin": None}


@pytest.mark.parametrize(
    "state", [CredentialState.EXPIRED, CredentialState.REVOKED, CredentialState.UNKNOWN_CA], ids=str
)
def test_a_bad_certificate_is_worse_than_none(mtls_nginx, mtls_credentials, state):
    for path in ("/", "/admin/mail"):
        outcome = mtls_nginx.request(path, credential=mtls_credentials[state], headers=STAFF, server_name=NAME)
        assert (outcome.accepted, outcome.status) == (False, 400)


def test_forged_names_never_arrive(mtls_nginx):
    forged = {"X-User": "boss", "X-Client-DN": "CN=root", "X-Client-Verify": "SUCCESS"}
    outcome = mtls_nginx.request("/charts/sales", headers=forged | STAFF, server_name=NAME)
    assert json.loads(outcome.body) == {"user": "test", "admin": None, "chart": "sales"}


def test_the_mistake_this_configuration_avoids(mtls_nginx_factory, tmp_path):
    file, old, new = MISTAKE
    shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    nginx = mtls_nginx_factory(config=tmp_path / "nginx.conf", upstreams={"dashboard": app})
    outcome = nginx.request("/admin/mail", method="POST", server_name=NAME)
    assert json.loads(outcome.body) == {"user": None, "admin": None, "setting": "mail"}
