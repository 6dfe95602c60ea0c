"""renew(): the next certificate of the same owner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pytest_mtls import CertificateAuthority, Credential, Harness, InvalidArgument, KeyType, NginxServer, renew

Serve = Callable[..., NginxServer]

OPTIONS: list[dict[str, Any]] = [
    {},
    {
        "subject": "CN=device-0042,OU=Sensors,O=Example,C=US",
        "sans": ["URI:spiffe://example.org/device/42", "IP:10.0.0.42"],
    },
    {"extended_key_usage": None, "key_usage": None, "key_identifiers": False},
    {"extended_key_usage": ["clientAuth", "serverAuth"], "key_usage": ["digitalSignature", "keyAgreement"]},
    {"ocsp_url": "http://127.0.0.1:1/", "crl_url": "http://127.0.0.1:1/crl"},
    *({"key_type": each} for each in KeyType if each is not KeyType.RSA_4096),
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_what_names_the_owner_stays_and_the_key_is_new(options: dict[str, Any]) -> None:
    """Every extension but the key's own, to the byte and with its being critical."""
    former = CertificateAuthority("Renewal CA").issue_client("alice", **options)

    renewed = renew(former)

    assert (renewed.subject_dn, renewed.issuer_dn, renewed.name) == (former.subject_dn, former.issuer_dn, former.name)
    assert renewed.certificate.serial_number != former.certificate.serial_number
    assert renewed.matches_key
    assert renewed.private_key.public_key() != former.private_key.public_key()
    assert type(renewed.private_key) is type(former.private_key)
    assert getattr(renewed.private_key, "key_size", 0) == getattr(former.private_key, "key_size", 0)
    assert _others(renewed) == _others(former)


def _others(credential: Credential) -> set[x509.Extension[x509.ExtensionType]]:
    of_the_keys = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
    return {each for each in credential.certificate.extensions if not isinstance(each.value, of_the_keys)}


def test_options_say_what_is_different() -> None:
    """They replace the extension that was made from the same option."""
    former = CertificateAuthority("Renewal CA").issue_client("alice", sans=["DNS:a.test"], key_type="ed25519")

    renewed = renew(
        former, sans=["DNS:b.test"], key_type="ec-p384", extended_key_usage=["serverAuth"], lifetime=timedelta(hours=1)
    )

    names = renewed.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usages = renewed.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(names) == [x509.DNSName("b.test")]
    assert list(usages) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert getattr(renewed.private_key, "key_size", 0) == 384
    assert renewed.certificate.not_valid_after_utc < former.certificate.not_valid_after_utc


def test_nginx_takes_the_renewed_one_for_the_same_client(serve: Serve, harness: Harness) -> None:
    """Both are let in until the former is revoked; what the application reads of them differs in the serial only."""
    ca = harness.ca.intermediate("Renewal issuing CA")
    former = ca.issue_client("alice")
    nginx = serve(client_ca=[harness.ca, ca], crl=ca.crl_bundle())
    renewed = renew(former)

    first, second = nginx.request(credential=former), nginx.request(credential=renewed)
    ca.revoke(former)
    nginx.update(crl=ca.crl_bundle())

    assert first.accepted
    assert second.accepted
    assert first.variables["ssl_client_s_dn"] == second.variables["ssl_client_s_dn"]
    assert first.variables["ssl_client_serial"] != second.variables["ssl_client_serial"]
    assert nginx.request(credential=former).reason == "certificate_revoked"
    assert nginx.request(credential=renewed).accepted


def test_a_chain_that_was_left_out_stays_out() -> None:
    """And another authority brings its own."""
    former = CertificateAuthority("Root").intermediate("Issuing").issue_client("alice")
    another = CertificateAuthority("Another root").intermediate("Another issuing")

    assert len(renew(former).chain) == 1
    assert renew(former.without_chain()).chain == ()
    assert renew(former, authority=another).chain == (another.certificate,)


def test_what_nobody_here_issued_needs_its_authority() -> None:
    """A credential from elsewhere says so; what is none is refused."""
    ca = CertificateAuthority("Renewal CA")
    alice = ca.issue_client("alice")
    loaded = Credential.from_pem(alice.chain_pem, alice.private_key_pem)

    with pytest.raises(InvalidArgument, match="give authority="):
        renew(loaded)
    assert renew(loaded, authority=ca).issuer_dn == ca.subject_dn
    with pytest.raises(InvalidArgument, match="is no Credential"):
        renew("alice")  # type: ignore[arg-type]
