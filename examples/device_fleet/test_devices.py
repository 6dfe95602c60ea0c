import pytest

from pytest_mtls import CredentialState


@pytest.fixture
def thermometer(mtls_ca):
    return mtls_ca.issue_client("thermometer-7")


def test_a_device_talks_to_the_store(gateway, store, thermometer):
    with gateway.connect(credential=thermometer) as connection:
        assert connection.exchange(b"PING\r\n", until=b"\r\n") == b"+PONG\r\n"
        assert connection.exchange(b"SET celsius 21\r\n", until=b"\r\n") == b"+OK\r\n"
        assert connection.exchange(b"GET celsius\r\n", until=b"\r\n") == b"+21\r\n"
        assert connection.exchange(b"GET kelvin\r\n", until=b"\r\n") == b"$-1\r\n"
    assert store.values == {"celsius": "21"}


def test_nginx_knows_which_device_it_was(gateway, thermometer):
    outcome = gateway.request(credential=thermometer, body=b"PING\r\n")
    assert outcome.accepted
    assert outcome.layer == "stream"
    assert outcome.verify == "SUCCESS"
    assert outcome.variables["ssl_client_s_dn"] == thermometer.subject_dn
    assert outcome.variables["ssl_client_serial"] == thermometer.serial_hex


@pytest.mark.parametrize(
    "state, reason",
    [
        (CredentialState.NONE, "no_certificate"),
        (CredentialState.EXPIRED, "certificate_expired"),
        (CredentialState.REVOKED, "certificate_revoked"),
        (CredentialState.IMPOSTOR, "certificate_signature_failure"),
        (CredentialState.UNKNOWN_CA, "unable_to_verify_first_certificate"),
    ],
    ids=str,
)
def test_nobody_else_reaches_the_store(gateway, store, mtls_credentials, state, reason):
    outcome = gateway.request(credential=mtls_credentials[state], body=b"SET celsius 99\r\n")
    assert not outcome.accepted
    assert outcome.reason == reason
    assert (outcome.layer, outcome.body) == ("stream", b"")
    assert store.received == []


def test_a_stolen_device_is_locked_out(gateway, store, mtls_ca, thermometer):
    assert gateway.request(credential=thermometer, body=b"PING\r\n").accepted
    mtls_ca.revoke(thermometer)
    gateway.update(crl=True)  # what is still connected then would stay so, and hold up the reload
    assert gateway.request(credential=thermometer, body=b"PING\r\n").reason == "certificate_revoked"
    assert store.received == [b"PING\r\n"]
