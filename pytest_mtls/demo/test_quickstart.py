"""Nothing to import for the fixtures, no conftest: copy this file into a project that has pytest-mtls installed."""

import pytest

from pytest_mtls import CredentialState, VerifyMode


def test_known_client_is_let_in(mtls_nginx, mtls_ca):
    alice = mtls_ca.issue_client("alice@example.com")
    outcome = mtls_nginx.request(credential=alice)
    assert outcome.accepted
    assert outcome.status == 200
    assert outcome.verify == "SUCCESS"
    assert outcome.variables["ssl_client_s_dn"] == alice.subject_dn
    assert outcome.variables["ssl_client_serial"] == alice.serial_hex


def test_stranger_is_turned_away(mtls_nginx):
    outcome = mtls_nginx.request()  # presents no certificate
    assert not outcome.accepted
    assert (outcome.layer, outcome.status, outcome.internal_status) == ("http", 400, 496)
    assert outcome.verify == "NONE"


@pytest.mark.mtls(verify=["on", "optional", "optional_no_ca"], tls=["1.2", "1.3"])
def test_expired_is_refused_everywhere(mtls_nginx, mtls_credentials):  # six tests
    outcome = mtls_nginx.request(credential=mtls_credentials[CredentialState.EXPIRED])
    assert outcome.reason == "certificate_expired"  # a stable name
    assert outcome.verify_code == 10  # OpenSSL's number
    assert outcome.layer == "http"  # the TLS handshake itself completed


@pytest.mark.mtls(verify=list(VerifyMode))
def test_valid_is_welcome_in_every_mode(mtls_nginx, mtls_credentials):
    outcome = mtls_nginx.request(credential=mtls_credentials[CredentialState.VALID])
    assert outcome.accepted, outcome.explain()


@pytest.mark.mtls(verify="optional")
def test_a_forged_header_is_replaced(mtls_nginx):
    outcome = mtls_nginx.request(headers={"X-SSL-Client-Verify": "SUCCESS"})
    assert outcome.forwarded["X-SSL-Client-Verify"] == "NONE"
