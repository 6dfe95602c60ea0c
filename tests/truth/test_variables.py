"""What a credential says of itself is spelled exactly as nginx spells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from pytest_mtls import Harness, KeyType, NginxServer

NAMES = [
    "CN=alice",
    "CN=device-0042,OU=Sensors,O=Example,C=US",
    r"CN=Doe\, Jane,O=Example\, Inc.",
    r"CN=\"quoted\",O=a\+b",
    r"CN=a\<b\>c\;d\=e\\f",
    "CN=Jörg Müller,O=Café,L=東京",
    r"CN=\#hash,OU=\ leading,O=trailing\ ",
    "CN=m+UID=u1,O=Example",
    "1.3.6.1.4.1.32473.1=#0C036F6464,CN=unknown",
    "emailAddress=a@example.org,CN=mail,DC=example,DC=org",
    "serialNumber=12,SN=Doe,GN=Jane,title=Dr,CN=x",
    "",
]


@pytest.mark.parametrize("subject", NAMES)
def test_names_are_spelled_as_nginx_does(serve_once: Any, harness: Harness, subject: str) -> None:
    """Commas, quotes, plus signs, non-ASCII, multi-valued parts, unknown OIDs, nothing at all."""
    credential = harness.ca.issue_client(subject=subject, sans=["DNS:x.test"])

    variables = serve_once.request(credential=credential).variables

    assert variables["ssl_client_s_dn"] == credential.subject_dn
    assert variables["ssl_client_i_dn"] == credential.issuer_dn


@pytest.mark.parametrize("serial", [1, 0x7F, 0x80, 0xABC, 0xABCDEF0123456789, (1 << 158) + 1])
def test_serial_numbers_are_spelled_as_nginx_does(serve_once: Any, harness: Harness, serial: int) -> None:
    """Whole bytes, upper case, no sign byte."""
    credential = harness.ca.issue_client("serial", serial_number=serial)

    assert serve_once.request(credential=credential).variables["ssl_client_serial"] == credential.serial_hex


@pytest.mark.parametrize("key_type", [each for each in KeyType if each is not KeyType.RSA_1024], ids=str)
def test_every_key_type_is_accepted_and_described(serve_once: Any, harness: Harness, key_type: KeyType) -> None:
    """Fingerprint and certificate are the very ones, for each kind of key and both TLS versions."""
    credential = harness.ca.issue_client("key", key_type=key_type)

    for tls in ("1.2", "1.3"):
        outcome = serve_once.request(credential=credential, tls=tls)
        assert outcome.accepted, outcome.explain()
        assert outcome.tls_version == tls
        assert outcome.variables["ssl_client_fingerprint"] == credential.fingerprint_sha1
        assert outcome.variables["ssl_client_raw_cert"].encode() == credential.certificate_pem
        assert outcome.variables["ssl_client_escaped_cert"] == quote(credential.certificate_pem, safe="")


def test_the_cas_a_server_asks_for_are_its_client_cas_alone(serve: Any, harness: Harness) -> None:
    """ssl_client_certificate is announced, ssl_trusted_certificate is not, and in mode off nothing is."""
    from pytest_mtls import CertificateAuthority

    other = CertificateAuthority("CN=Other, O=Else")
    several = serve(client_ca=(harness.ca, other))
    trusted = serve(trusted_ca=other)

    for tls in ("1.2", "1.3"):
        assert several.request(tls=tls).accepted_cas == (harness.ca.subject_dn, other.subject_dn)
        assert trusted.request(tls=tls).accepted_cas == (harness.ca.subject_dn,)
        assert serve(verify="off").request(tls=tls).accepted_cas is None
    assert trusted.request(credential=other.issue_client("x")).accepted


@pytest.fixture(scope="module")
def serve_once(harness: Harness) -> Iterator[NginxServer]:
    """One server for all tests of this file that change nothing."""
    server = harness.nginx(verify="on")
    yield server
    harness.discard(server)
