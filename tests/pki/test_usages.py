"""Key usages by their RFC 5280 names."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.usages import extended_key_usage, key_usage

EKU = ExtendedKeyUsageOID


@pytest.mark.parametrize(
    "name, oid",
    [
        ("clientAuth", EKU.CLIENT_AUTH),
        ("serverAuth", EKU.SERVER_AUTH),
        ("anyExtendedKeyUsage", EKU.ANY_EXTENDED_KEY_USAGE),
        ("OCSPSigning", EKU.OCSP_SIGNING),
        ("emailProtection", EKU.EMAIL_PROTECTION),
        ("codeSigning", EKU.CODE_SIGNING),
        ("timeStamping", EKU.TIME_STAMPING),
        ("1.3.6.1.4.1.99999.7", x509.ObjectIdentifier("1.3.6.1.4.1.99999.7")),
    ],
)
def test_extended_key_usages_are_known_by_name_or_oid(name: str, oid: x509.ObjectIdentifier) -> None:
    """The names are those of RFC 5280 section 4.2.1.12."""
    assert [oid] == list(extended_key_usage([name]))


@pytest.mark.parametrize(
    "name, attribute",
    [
        ("digitalSignature", "digital_signature"),
        ("nonRepudiation", "content_commitment"),
        ("contentCommitment", "content_commitment"),
        ("keyEncipherment", "key_encipherment"),
        ("dataEncipherment", "data_encipherment"),
        ("keyAgreement", "key_agreement"),
        ("keyCertSign", "key_cert_sign"),
        ("cRLSign", "crl_sign"),
    ],
)
def test_key_usages_are_known_by_name(name: str, attribute: str) -> None:
    """The names are those of RFC 5280 section 4.2.1.3, and only the one given is set."""
    usage = key_usage([name])

    attributes = {
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
    }
    assert {attribute} == {each for each in attributes if getattr(usage, each)}


def test_the_two_that_need_key_agreement_are_known_too() -> None:
    """encipherOnly and decipherOnly mean something only beside keyAgreement."""
    usage = key_usage(("keyAgreement", "encipherOnly", "decipherOnly"))

    assert (usage.encipher_only, usage.decipher_only) == (True, True)
    with pytest.raises(InvalidArgument, match="not allowed"):
        key_usage(("encipherOnly",))


def test_a_single_name_is_enough() -> None:
    """Text is one name, not a sequence of letters."""
    assert extended_key_usage("clientAuth") == extended_key_usage(["clientAuth"])
    assert key_usage("digitalSignature") == key_usage(["digitalSignature"])


@pytest.mark.parametrize("name", ["clientauth", "client_auth", "1.2.", "9.9", "1.40.1", ""])
def test_an_unknown_extended_key_usage_is_refused_with_the_known_ones(name: str) -> None:
    """The error lists what would be right."""
    with pytest.raises(InvalidArgument, match=r"extended_key_usage=.*'clientAuth'.*'OCSPSigning'.*dotted OID"):
        extended_key_usage([name])


def test_an_unknown_key_usage_is_refused_with_the_known_ones() -> None:
    """The error lists what would be right."""
    with pytest.raises(InvalidArgument, match=r"key_usage='signing'.*'digitalSignature'.*'cRLSign'"):
        key_usage(["signing"])


def test_no_usage_at_all_is_refused() -> None:
    """An empty extension is not allowed, but none is: the error says how."""
    with pytest.raises(InvalidArgument, match="None leaves the extension out"):
        key_usage(())
    with pytest.raises(InvalidArgument, match="None leaves the extension out"):
        extended_key_usage(())
