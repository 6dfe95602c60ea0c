"""Reading PEM, and what is said about everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

from pytest_mtls.errors import InvalidPem
from pytest_mtls.pki import CertificateAuthority, Credential, load_certificates, load_crls, load_private_key
from pytest_mtls.pki.pem import PemSource, load_csr


@pytest.fixture
def alice(root: CertificateAuthority) -> Credential:
    """Somebody with a certificate."""
    return root.intermediate("Example Issuing CA").issue_client("alice")


def test_certificates_come_in_their_order(alice: Credential) -> None:
    """From bytes or text, with whatever stands between them."""
    text = b"# first\r\n" + alice.chain_pem.replace(b"\n", b"\r\n") + b"trailing text\n" + alice.private_key_pem

    assert (alice.certificate, *alice.chain) == load_certificates(text)
    assert (alice.certificate, *alice.chain) == load_certificates(text.decode())


def test_a_path_is_read(alice: Credential, tmp_path: Path) -> None:
    """Paths are told from text by their type."""
    path = tmp_path / "alice.pem"
    path.write_bytes(alice.certificate_pem + alice.private_key_pem)

    assert (alice.certificate,) == load_certificates(path)
    assert load_private_key(path).public_key() == alice.private_key.public_key()


def test_text_that_looks_like_a_path_is_asked_to_be_one(tmp_path: Path) -> None:
    """A string is PEM; the error tells how to have a file read."""
    with pytest.raises(InvalidPem, match=r"looks like a path; give pathlib.Path"):
        load_certificates(str(tmp_path / "alice.pem"))


def test_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    """Which of several files is at fault should not have to be guessed."""
    path = tmp_path / "empty.pem"
    path.touch()

    with pytest.raises(InvalidPem, match=r"empty\.pem' is empty"):
        load_certificates(path)


def test_what_is_no_certificate_chain_is_named(alice: Credential, root: CertificateAuthority) -> None:
    """Each common mistake has its own words."""
    cases: list[tuple[PemSource, str]] = [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hello", "has no BEGIN line, and starts with b'hello'"),
        (alice.certificate_der, "is DER, not PEM; 'openssl x509 -inform DER'"),
        (alice.pkcs12("secret"), "is PKCS#12, not PEM"),
        (alice.private_key_pem, "holds only a private key"),
        (root.crl(), "holds only X509 CRL"),
        (alice.certificate_pem.replace(b"END", b"END OF"), "has no counterpart"),
        (alice.certificate_pem[:-30], "has no counterpart"),
        (alice.certificate_pem[40:], "has no counterpart"),
        (alice.certificate_pem.replace(b"\nMII", b"\n!II", 1), "is not base64"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "damaged certificate"),
    ]
    for data, why in cases:
        with pytest.raises(InvalidPem, match=why):
            load_certificates(data)


def test_something_else_than_pem_is_named() -> None:
    """A value of another type is not read at all."""
    with pytest.raises(InvalidPem, match="is a int"):
        load_certificates(5)  # type: ignore[arg-type]


def test_what_is_no_private_key_is_named(alice: Credential) -> None:
    """Each common mistake has its own words."""
    cases = [
        (b"", "is empty"),
        (alice.private_key_der, "is DER, not PEM"),
        (alice.certificate_pem, "holds only a certificate"),
        (alice.chain_pem, "holds only certificates"),
        (alice.private_key_pem * 2, "holds 2 private keys"),
        (alice.encrypted_private_key_pem("secret"), "needs a password"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "damaged or of an unknown kind"),
    ]
    for data, why in cases:
        with pytest.raises(InvalidPem, match=why):
            load_private_key(data)


def test_a_key_for_agreement_only_is_refused() -> None:
    """X25519 keys cannot sign, so they cannot be anyone's in TLS."""
    exchange = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    with pytest.raises(InvalidPem, match="X25519PrivateKey, which does not sign"):
        load_private_key(exchange)


def test_an_encrypted_key_opens_with_its_password_only(alice: Credential) -> None:
    """Text or bytes; PKCS #8 or the traditional format."""
    traditional = alice.private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"secret"),
    )
    for encrypted in (alice.encrypted_private_key_pem("secret"), traditional):
        assert load_private_key(encrypted, "secret").public_key() == alice.private_key.public_key()
        assert load_private_key(encrypted, b"secret").public_key() == alice.private_key.public_key()
        with pytest.raises(InvalidPem, match="password is wrong"):
            load_private_key(encrypted, "guess")
        with pytest.raises(InvalidPem, match="needs a password"):
            load_private_key(encrypted)


def test_a_password_that_is_not_needed_does_no_harm(alice: Credential) -> None:
    """As with OpenSSL itself."""
    assert load_private_key(alice.private_key_pem, "secret").public_key() == alice.private_key.public_key()


def test_crls_come_in_their_order(root: CertificateAuthority, alice: Credential) -> None:
    """And anything else is refused."""
    issuing = root.intermediate("Another Issuing CA")

    issuers = [crl.issuer for crl in load_crls(issuing.crl_bundle())]

    assert [issuing.certificate.subject, root.certificate.subject] == issuers
    with pytest.raises(InvalidPem, match="holds only a certificate"):
        load_crls(alice.certificate_pem)
    with pytest.raises(InvalidPem, match="damaged CRL"):
        load_crls(b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")


def test_what_is_no_signing_request_is_named(alice: Credential) -> None:
    """Each common mistake has its own words."""
    with pytest.raises(InvalidPem, match="holds only a certificate"):
        load_csr(alice.certificate_pem)
    with pytest.raises(InvalidPem, match="damaged certificate signing request"):
        load_csr(b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n")
