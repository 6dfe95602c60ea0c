# test_quickstart.py: nothing to import, no conftest needed
def test_known_client_is_let_in(mtls_nginx, mtls_ca):
    alice = mtls_ca.issue_client("alice@example.com")
    outcome = mtls_nginx.request(credential=alice)
    assert outcome.accepted
    assert outcome.status == 200
    assert outcome.verify == "SUCCESS"
    assert outcome.variables["ssl_client_s_dn"] == alice.subject_dn
    assert outcome.variables["ssl_client_serial"] == alice.serial_hex

def test_stranger_is_turned_away(mtls_nginx):
    outcome = mtls_nginx.request()                      # presents no certificate
    assert not outcome.accepted
    assert (outcome.layer, outcome.status, outcome.internal_status) == ("http", 400, 496)
    assert outcome.verify == "NONE"
