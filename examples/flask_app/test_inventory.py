import json

import pytest
from inventory import app

from pytest_mtls import CredentialState

# "optional" lets requests without a certificate through, so that the application's own check is what refuses them.
pytestmark = pytest.mark.mtls(verify="optional", crl=True, upstream=app)


def test_a_known_client_is_told_who_it_is(mtls_nginx, mtls_ca):
    alice = mtls_ca.issue_client("alice")
    outcome = mtls_nginx.request("/whoami", credential=alice)
    assert (outcome.status, outcome.accepted) == (200, True)
    assert json.loads(outcome.body) == {"subject": "CN=alice", "serial": alice.serial_hex}


def test_a_stranger_is_refused_by_the_application(mtls_nginx):
    outcome = mtls_nginx.request("/whoami")
    assert outcome.accepted  # by nginx: the request reached the application
    assert outcome.status == 403


def test_forged_headers_never_arrive(mtls_nginx):
    forged = {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": "CN=admin", "X-SSL-Client-Serial": "01"}
    assert mtls_nginx.request("/whoami", headers=forged).status == 403


def test_a_client_cannot_pass_for_another(mtls_nginx, mtls_ca):
    outcome = mtls_nginx.request(
        "/whoami", credential=mtls_ca.issue_client("alice"), headers={"X-SSL-Client-S-DN": "CN=admin"}
    )
    assert json.loads(outcome.body)["subject"] == "CN=alice"


def test_a_revoked_client_never_gets_there(mtls_nginx, mtls_credentials):
    outcome = mtls_nginx.request("/whoami", credential=mtls_credentials[CredentialState.REVOKED])
    assert not outcome.accepted
    assert (outcome.status, outcome.reason) == (400, "certificate_revoked")
