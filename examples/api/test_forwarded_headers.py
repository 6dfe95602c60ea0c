import pytest

def test_a_forged_header_never_arrives(mtls_nginx):
    outcome = mtls_nginx.request(headers={"X-SSL-Client-S-DN": "CN=admin"})
    assert outcome.forwarded is None                       # verify is on: nothing went through

@pytest.mark.mtls(verify="optional")
def test_a_forged_header_is_replaced(mtls_nginx):
    outcome = mtls_nginx.request(headers={"X-SSL-Client-Verify": "SUCCESS"})
    assert outcome.forwarded["X-SSL-Client-Verify"] == "NONE"
