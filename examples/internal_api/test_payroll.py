import json
import shutil
from pathlib import Path

import pytest
from payroll import app

from pytest_mtls import CredentialState

DEPLOY = Path(__file__).parent / "deploy"
NAME = "payroll.internal.example.com"

# A location that was added later, with a header of its own and therefore none of the others.
MISTAKE = (
    "conf.d/payroll.conf",
    """\
    location /reports/ {
        include snippets/identity.conf;
""",
    """\
    location /reports/ {
        proxy_set_header Host $host;
""",
)

pytestmark = pytest.mark.mtls(config=DEPLOY / "nginx.conf", upstreams={"payroll": app})


@pytest.fixture
def portal(mtls_ca):
    return mtls_ca.issue_client("portal")


def test_a_service_may_do_what_its_name_is_granted(mtls_nginx, mtls_ca, portal):
    accounting = mtls_ca.issue_client("accounting")
    report = mtls_nginx.request("/reports/2026-11", credential=accounting, server_name=NAME)
    assert json.loads(report.body) == {"month": "2026-11", "asked_by": "CN=accounting"}
    assert mtls_nginx.request("/salaries/7", credential=portal, server_name=NAME).status == 200
    assert mtls_nginx.request("/reports/2026-11", credential=portal, server_name=NAME).status == 403


@pytest.mark.parametrize(
    "state, reason",
    [
        (CredentialState.NONE, "no_certificate"),
        (CredentialState.EXPIRED, "certificate_expired"),
        (CredentialState.REVOKED, "certificate_revoked"),
        (CredentialState.UNKNOWN_CA, "unable_to_verify_first_certificate"),
    ],
    ids=str,
)
def test_nobody_else_reaches_the_service(mtls_nginx, mtls_credentials, state, reason):
    outcome = mtls_nginx.request("/salaries/7", credential=mtls_credentials[state], server_name=NAME)
    assert (outcome.accepted, outcome.status, outcome.reason) == (False, 400, reason)


@pytest.mark.parametrize("path", ["/salaries/7", "/reports/2026-11"])
def test_a_client_cannot_give_itself_another_name(mtls_nginx, mtls_ca, path):
    mallory = mtls_ca.issue_client("mallory")
    for header in ("X-Client-DN", "x-client-dn", "X_Client_DN"):
        assert (
            mtls_nginx.request(path, credential=mallory, headers={header: "CN=accounting"}, server_name=NAME).status
            == 403
        )


@pytest.mark.parametrize("name", [None, "other.example.com"])
def test_without_the_right_name_there_is_no_handshake(mtls_nginx, portal, name):
    assert mtls_nginx.request("/", credential=portal, server_name=name, host=NAME).alert == "unrecognized_name"


def test_plain_http_only_redirects(mtls_nginx):
    outcome = mtls_nginx.listener_for(80).request("/salaries/7", headers={"X-Client-DN": "CN=accounting"})
    assert (outcome.status, dict(outcome.headers)["Location"]) == (301, f"https://{NAME}/salaries/7")


def test_the_mistake_this_configuration_avoids(mtls_nginx_factory, portal, tmp_path):
    file, old, new = MISTAKE
    shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    nginx = mtls_nginx_factory(config=tmp_path / "nginx.conf", upstreams={"payroll": app})
    forged = {"X-Client-Verify": "SUCCESS", "X-Client-DN": "CN=accounting"}
    outcome = nginx.request("/reports/2026-11", credential=portal, headers=forged, server_name=NAME)
    assert json.loads(outcome.body)["asked_by"] == "CN=accounting"
