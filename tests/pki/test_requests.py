"""Signing requests as the openssl command and devices write them, and PKCS #12 files of others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from pytest_mtls import CertificateAuthority, Credential, InvalidArgument, InvalidPem, InvalidPkcs12, KeyMismatch

KEYS = {
    "rsa": ("rsa:2048",),
    "ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "ed25519": ("ed25519",),
}


def openssl(folder: Path, *arguments: str) -> None:
    """Run it there."""
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True, timeout=20)


def request(folder: Path, *options: str, kind: str = "ec", form: str = "PEM") -> Path:
    """A signing request made by openssl, with its key beside it."""
    made = ("req", "-new", "-newkey", *KEYS[kind], "-nodes", "-keyout", "device.key", "-subj", "/O=Makers/CN=device")
    openssl(folder, *made, "-outform", form, "-out", "device.csr", *options)
    return folder / "device.csr"


@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("kind", KEYS)
def test_a_request_of_openssl_is_signed(root: CertificateAuthority, tmp_path: Path, kind: str, form: str) -> None:
    """Whatever its key, and in either encoding; `openssl verify` takes it for a client."""
    path = request(tmp_path, "-addext", "subjectAltName=DNS:device.example,IP:192.0.2.7", kind=kind, form=form)

    issued = root.sign(path)

    (tmp_path / "device.pem").write_bytes(issued.certificate_pem)
    (tmp_path / "ca.pem").write_bytes(root.chain_pem)
    openssl(tmp_path, "verify", "-purpose", "sslclient", "-x509_strict", "-CAfile", "ca.pem", "device.pem")
    names = issued.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert issued.subject_dn == "CN=device,O=Makers"
    assert names.get_values_for_type(x509.DNSName) == ["device.example"]
    assert Credential.from_pem(issued.chain_pem, tmp_path / "device.key").matches_key
    assert root.sign(path.read_bytes()).subject_dn == issued.subject_dn


def test_what_a_request_asks_for_beyond_names_is_not_given(root: CertificateAuthority, tmp_path: Path) -> None:
    """A device cannot make itself an authority, nor a server."""
    asks = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "extendedKeyUsage=serverAuth")

    extensions = root.sign(request(tmp_path, *asks)).certificate.extensions

    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [each.dotted_string for each in usage] == ["1.3.6.1.5.5.7.3.2"]


def test_a_request_whose_signature_is_wrong_is_refused(root: CertificateAuthority, tmp_path: Path) -> None:
    """One bit of it is another; openssl says the same."""
    path = request(tmp_path, form="DER")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)

    with pytest.raises(InvalidArgument, match=r"own signature is wrong.*openssl req -verify"):
        root.sign(path)


def test_what_is_no_request_is_named(root: CertificateAuthority, tmp_path: Path) -> None:
    """A certificate in DER, half a request, and a key that cannot sign for itself."""
    der = request(tmp_path, form="DER").read_bytes()
    certificate = root.issue_client("alice").certificate_der

    for data in (certificate, der[: len(der) // 2]):
        with pytest.raises(InvalidPem, match="is DER, but not a certificate signing request"):
            root.sign(data)
    with pytest.raises(InvalidPem, match="is not PEM"):
        root.sign(b"device")


def test_names_that_cannot_be_read_can_be_given_instead(root: CertificateAuthority, tmp_path: Path) -> None:
    """An alternative name of a kind that nobody knows is an error that says what to do."""
    path = request(tmp_path, "-addext", "subjectAltName=DER:30:03:83:01:00")

    with pytest.raises(InvalidArgument, match=r"Give sans=\.\.\. instead"):
        root.sign(path)
    assert root.sign(path, sans=()).subject_dn == "CN=device,O=Makers"


def test_pkcs12_opens_with_its_password_only(root: CertificateAuthority, tmp_path: Path) -> None:
    """Made by openssl, as modern and as old programs encrypt it."""
    alice = root.intermediate("Issuing").issue_client("alice")
    alice.write_to(tmp_path)
    parts = ("pkcs12", "-export", "-inkey", "alice.key.pem", "-in", "alice.chain.pem", "-passout", "pass:secret")
    openssl(tmp_path, *parts, "-out", "modern.p12")
    openssl(tmp_path, *parts, "-legacy", "-out", "old.p12")

    for path in (tmp_path / "modern.p12", tmp_path / "old.p12"):
        assert Credential.from_pkcs12(path, "secret") == alice
        assert Credential.from_pkcs12(path.read_bytes(), b"secret") == alice
        with pytest.raises(InvalidPkcs12, match=r"\.p12' cannot be opened: the password is wrong, or it is damaged"):
            Credential.from_pkcs12(path, "guess")
        with pytest.raises(InvalidPkcs12, match="is encrypted and needs a password"):
            Credential.from_pkcs12(path)
    assert Credential.from_pkcs12(alice.pkcs12()) == alice


def test_what_is_no_pkcs12_is_named(root: CertificateAuthority, tmp_path: Path) -> None:
    """PEM, half a file, one without a key, and something else than bytes."""
    alice = root.issue_client("alice")
    (tmp_path / "alice.pem").write_bytes(alice.certificate_pem)
    openssl(tmp_path, "pkcs12", "-export", "-nokeys", "-in", "alice.pem", "-passout", "pass:", "-out", "no-key.p12")
    for data, why in (
        (alice.certificate_pem, r"it is PEM; from_pem\(\) reads that"),
        (alice.pkcs12("secret")[:100], "it is damaged, or something else"),
        (alice.certificate_der, "it is damaged, or something else"),
        ((tmp_path / "no-key.p12").read_bytes(), "has no "),
    ):
        with pytest.raises(InvalidPkcs12, match=why):
            Credential.from_pkcs12(data, "")
    with pytest.raises(InvalidPkcs12, match="is a str; give its bytes"):
        Credential.from_pkcs12("alice.p12")  # type: ignore[arg-type]


def test_an_authority_made_by_openssl_issues_and_revokes(tmp_path: Path) -> None:
    """Its key encrypted; a wrong passphrase, none, and another's key are an error each."""
    made = ("req", "-x509", "-newkey", "rsa:2048", "-days", "30", "-subj", "/O=Example/CN=House CA", "-out", "ca.pem")
    openssl(tmp_path, *made, "-keyout", "ca.key", "-passout", "pass:secret")
    openssl(tmp_path, "genpkey", "-algorithm", "ED25519", "-out", "other.key")

    house = CertificateAuthority.from_pem(tmp_path / "ca.pem", tmp_path / "ca.key", "secret")

    alice = house.issue_client("alice")
    house.revoke(alice)
    assert alice.issuer_dn == "CN=House CA,O=Example"
    assert x509.load_pem_x509_crl(house.crl_bundle()).get_revoked_certificate_by_serial_number(
        alice.certificate.serial_number
    )
    with pytest.raises(InvalidPem, match="password is wrong"):
        CertificateAuthority.from_pem(tmp_path / "ca.pem", tmp_path / "ca.key", "guess")
    with pytest.raises(InvalidPem, match="needs a password"):
        CertificateAuthority.from_pem(tmp_path / "ca.pem", tmp_path / "ca.key")
    with pytest.raises(KeyMismatch, match="'CN=House CA,O=Example'"):
        CertificateAuthority.from_pem(tmp_path / "ca.pem", tmp_path / "other.key")
