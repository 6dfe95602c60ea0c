import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from mobile import app, decoded

from pytest_mtls import CredentialState

DEPLOY = Path(__file__).parent / "deploy"
NAME = "mobile.example.com"

# Phones without a certificate were to get a friendly answer, which the application has.
MISTAKE = (
    "conf.d/mobile.conf",
    """\
    location / {
""",
    """\
    error_page 495 496 = @enrolment;
    location @enrolment { proxy_pass http://backend; }

    location / {
""",
)

pytestmark = pytest.mark.mtls(config=DEPLOY / "nginx.conf", upstreams={"backend": app})


def token_of(nginx, phone):
    outcome = nginx.request("/token", method="POST", credential=phone, server_name=NAME)
    return json.loads(outcome.body)["access_token"]


def account(nginx, phone, token, **headers):
    return nginx.request(
        "/account", credential=phone, headers={"Authorization": f"Bearer {token}"} | headers, server_name=NAME
    )


@pytest.fixture
def phone(mtls_ca):
    return mtls_ca.issue_client("alice")


@pytest.fixture
def stolen(phone):
    """What a thief has of alice's phone: its certificate, which is no secret, as a header. Not its key."""
    return {"X-Client-Verify": "SUCCESS", "X-Client-DN": "CN=alice", "X-Client-Cert": quote(phone.certificate_pem)}


def test_a_phone_reads_its_account_with_its_token(mtls_nginx, phone):
    outcome = account(mtls_nginx, phone, token_of(mtls_nginx, phone))
    assert (outcome.status, json.loads(outcome.body)) == (200, {"owner": "CN=alice"})


def test_the_token_names_the_certificate(mtls_nginx, phone):
    claims = json.loads(decoded(token_of(mtls_nginx, phone).split(".")[0]))
    assert claims["cnf"] == {"x5t#S256": phone.thumbprint_sha256}


def test_a_stolen_token_is_worth_nothing(mtls_nginx, mtls_ca, phone, stolen):
    token = token_of(mtls_nginx, phone)
    mallory = mtls_ca.issue_client("mallory")
    for headers in ({}, stolen):
        outcome = account(mtls_nginx, mallory, token, **headers)
        assert (outcome.status, json.loads(outcome.body)["detail"]) == (
            401,
            "invalid_token: bound to another certificate",
        )
        assert account(mtls_nginx, None, token, **headers).reason == "no_certificate"


def test_a_token_of_ones_own_making_is_refused(mtls_nginx, phone):
    payload = token_of(mtls_nginx, phone).split(".")[0]
    for token in (payload, f"{payload}.", f"{payload}.AAAA"):
        assert account(mtls_nginx, phone, token).status == 401


@pytest.mark.parametrize("state", [CredentialState.REVOKED, CredentialState.SELF_SIGNED], ids=str)
def test_a_bad_certificate_gets_no_token(mtls_nginx, mtls_credentials, state):
    outcome = mtls_nginx.request("/token", method="POST", credential=mtls_credentials[state], server_name=NAME)
    assert (outcome.accepted, outcome.status) == (False, 400)


def test_the_mistake_this_configuration_avoids(mtls_nginx_factory, phone, stolen, tmp_path):
    file, old, new = MISTAKE
    shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    nginx = mtls_nginx_factory(config=tmp_path / "nginx.conf", upstreams={"backend": app})
    outcome = account(nginx, None, token_of(nginx, phone), **stolen)
    assert json.loads(outcome.body) == {"owner": "CN=alice"}
