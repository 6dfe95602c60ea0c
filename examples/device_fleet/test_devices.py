import shutil
from pathlib import Path

import pytest

from pytest_mtls import CredentialState

DEPLOY = Path(__file__).parent / "deploy"

# Devices connect often, and somebody wanted to spare them the handshake.
MISTAKE = ("nginx.conf", "ssl_session_cache      off;", "ssl_session_cache      shared:devices:10m;")


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


def test_nobody_else_reaches_the_store(gateway, store, mtls_credentials):
    for state, reason in (
        (CredentialState.NONE, "no_certificate"),
        (CredentialState.EXPIRED, "certificate_expired"),
        (CredentialState.REVOKED, "certificate_revoked"),
        (CredentialState.IMPOSTOR, "certificate_signature_failure"),
        (CredentialState.UNKNOWN_CA, "unable_to_verify_first_certificate"),
    ):
        outcome = gateway.request(credential=mtls_credentials[state], body=b"SET celsius 99\r\n")
        assert (outcome.accepted, outcome.reason) == (False, reason)
        assert (outcome.layer, outcome.body) == ("stream", b"")
    assert store.received == []


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_stolen_device_is_locked_out(gateway, store, mtls_ca, thermometer, tls):
    first = gateway.request(credential=thermometer, body=b"PING\r\n", tls=tls)
    assert first.accepted
    mtls_ca.revoke(thermometer)
    gateway.update()
    again = gateway.request(credential=thermometer, body=b"PING\r\n", tls=tls, session=first.session)
    assert (again.accepted, again.reason) == (False, "certificate_revoked")
    assert store.received == [b"PING\r\n"]


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_the_mistake_this_configuration_avoids(start_gateway, store, mtls_ca, thermometer, tls, tmp_path):
    file, old, new = MISTAKE
    shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    gateway = start_gateway(tmp_path)
    first = gateway.request(credential=thermometer, body=b"PING\r\n", tls=tls)
    mtls_ca.revoke(thermometer)
    gateway.update()
    assert not gateway.request(credential=thermometer, body=b"PING\r\n", tls=tls).accepted
    again = gateway.request(credential=thermometer, body=b"PING\r\n", tls=tls, session=first.session)
    assert (again.accepted, again.body) == (True, b"+PONG\r\n")
