import pytest
from pytest_mtls import CredentialState, VerifyMode

@pytest.mark.mtls(verify=["on", "optional", "optional_no_ca"], tls=["1.2", "1.3"])
def test_expired_is_refused_everywhere(mtls_nginx, mtls_credentials):   # six tests
    outcome = mtls_nginx.request(credential=mtls_credentials[CredentialState.EXPIRED])
    assert outcome.reason == "certificate_expired"                       # stable name
    assert outcome.verify_code == 10                                     # X509_V_ERR_* number
    assert outcome.layer == "http"                                       # the TLS handshake itself completed

@pytest.mark.parametrize("state", CredentialState, ids=str)
@pytest.mark.mtls(verify=list(VerifyMode))
def test_nginx_does_what_the_table_says(mtls_nginx, mtls_credentials, state):
    observed = mtls_nginx.request(credential=mtls_credentials[state])
    assert observed.matches(mtls_nginx.expected(state)), observed.explain()
