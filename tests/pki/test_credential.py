"""Credentials: how they are spelled, written, read and changed."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key, pkcs12

from pytest_mtls.errors import InvalidArgument, InvalidPem, KeyMismatch
from pytest_mtls.pki import CertificateAuthority, Credential, IssuedCertificate, KeyType
from pytest_mtls.pki.issued import serial_hex


@pytest.fixture
def alice(root: CertificateAuthority) -> Credential:
    """Somebody with an intermediate."""
    return root.intermediate("Example Issuing CA").issue_client("alice")


@pytest.mark.parametrize(
    "number, spelled",
    [
        (1, "01"),
        (0xABC, "0ABC"),
        (0x1001, "1001"),
        (0xABCDEF0123456789, "ABCDEF0123456789"),
        (2**159 - 1, "7F" + "FF" * 19),
        (0, "00"),
        (-1, "-01"),
        (-0xABC, "-0ABC"),
    ],
)
def test_serial_numbers_are_spelled_as_nginx_spells_them(number: int, spelled: str) -> None:
    """Upper-case hexadecimal in whole bytes."""
    assert spelled == serial_hex(number)


def test_everything_is_spelled_as_nginx_spells_it(alice: Credential) -> None:
    """Names, fingerprints and the escaped certificate."""
    der = alice.certificate_der

    assert (alice.subject_dn, alice.issuer_dn) == ("CN=alice", "CN=Example Issuing CA")
    assert serial_hex(alice.certificate.serial_number) == alice.serial_hex
    assert hashlib.sha1(der).hexdigest() == alice.fingerprint_sha1
    assert hashlib.sha256(der).hexdigest() == alice.fingerprint_sha256
    assert alice.certificate_pem.decode() == unquote(alice.escaped_pem)
    assert set("+/=\n ").isdisjoint(alice.escaped_pem)


def test_the_chain_is_the_leaf_and_what_follows(alice: Credential) -> None:
    """In the order in which it is sent, without the root."""
    assert alice.certificate_pem == alice.chain_pem[: len(alice.certificate_pem)]
    assert alice.chain_pem.count(b"BEGIN CERTIFICATE") == 2
    assert alice.certificate_pem == alice.without_chain().chain_pem


def test_a_chain_can_be_any(root: CertificateAuthority, alice: Credential) -> None:
    """Certificates, credentials and authorities, each standing for its one certificate."""
    bob = root.issue_client("bob")

    changed = alice.with_chain(root, bob, bob.certificate)

    assert (root.certificate, bob.certificate, bob.certificate) == changed.chain
    assert alice.certificate is changed.certificate
    assert alice.private_key is changed.private_key


def test_two_are_equal_if_all_their_parts_are(root: CertificateAuthority, alice: Credential) -> None:
    """Certificate, chain and public half of the key; equal ones have one hash."""
    same = Credential.from_pem(alice.chain_pem, alice.private_key_pem)

    assert alice == same
    assert len({alice, same}) == 1
    others = (
        alice.without_chain(),
        alice.with_private_key(KeyType.EC_P256.generate()),
        root.issue_client("alice"),
        IssuedCertificate(alice.certificate, alice.chain),
    )
    assert all(alice != other for other in others)
    assert alice != "alice"


def test_no_text_of_a_credential_shows_its_key(alice: Credential) -> None:
    """Not even the object's address in memory."""
    assert f"<Credential 'CN=alice', serial {alice.serial_hex}, chain of 1>" == repr(alice)
    assert str(alice) == "alice"
    assert "key" not in repr(alice.without_chain()).lower()


@pytest.mark.parametrize(
    "subject, text", [("CN=a,O=b", "a"), ("O=b", "O=b"), ("CN=host,CN=zone", "host"), ("", "serial 2A")]
)
def test_a_credential_is_called_by_its_most_specific_name(root: CertificateAuthority, subject: str, text: str) -> None:
    """The common name, else the subject, else the serial number."""
    assert text == str(root.issue_client(subject=subject, serial_number=42))


def test_a_credential_cannot_be_changed(alice: Credential) -> None:
    """Changing makes another one."""
    with pytest.raises(AttributeError):
        alice.chain = ()  # type: ignore[misc]


def test_keys_are_written_as_pkcs8(alice: Credential) -> None:
    """PEM, DER, and PEM with a password."""
    public_key = alice.private_key.public_key()

    assert alice.private_key_pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert load_pem_private_key(alice.private_key_pem, None).public_key() == public_key
    assert load_der_private_key(alice.private_key_der, None).public_key() == public_key
    assert load_pem_private_key(alice.encrypted_private_key_pem("ü"), "ü".encode()).public_key() == public_key
    with pytest.raises(InvalidArgument, match="password is empty"):
        alice.encrypted_private_key_pem("")


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.ED25519], ids=str)
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("password", ["secret", None])
def test_a_pkcs12_file_holds_everything(
    root: CertificateAuthority, password: str | None, legacy: bool, key_type: KeyType
) -> None:
    """Leaf, key, chain and a name to show in a browser."""
    alice = root.intermediate().issue_client("alice", key_type=key_type)

    found = pkcs12.load_pkcs12(alice.pkcs12(password, legacy=legacy), password.encode() if password else None)

    assert found.cert is not None
    assert (alice.certificate, b"alice") == (found.cert.certificate, found.cert.friendly_name)
    assert found.key is not None
    assert found.key.public_key() == alice.private_key.public_key()
    assert list(alice.chain) == [each.certificate for each in found.additional_certs]


def test_a_pkcs12_file_refuses_what_it_cannot_hold(alice: Credential) -> None:
    """An empty password, which programs disagree about, and another certificate's key."""
    with pytest.raises(InvalidArgument, match="None leaves it unencrypted"):
        alice.pkcs12("")
    with pytest.raises(KeyMismatch):
        alice.with_private_key(KeyType.EC_P256.generate()).pkcs12("secret")


def test_files_are_for_their_owner_only(alice: Credential, tmp_path: Path) -> None:
    """0600 in a folder of 0700, whatever the umask, also where a readable file was before."""
    folder = tmp_path / "new" / "certs"
    before = os.umask(0)
    try:
        folder.mkdir(parents=True, mode=0o755)
        (folder / "alice.key.pem").write_text("readable by all")
        files = alice.write_to(folder)
        made = alice.write_to(tmp_path / "made")
    finally:
        os.umask(before)

    written = (files.certificate, files.key, files.chain, files.pkcs12)
    assert [stat.S_IMODE(path.stat().st_mode) for path in written] == [0o600] * 4
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700
    assert sorted(written) == sorted(folder.iterdir())


def test_files_hold_what_they_say(alice: Credential, tmp_path: Path) -> None:
    """What is read back is the credential."""
    files = alice.write_to(tmp_path, pkcs12_password="secret")

    assert alice.certificate_pem == files.certificate.read_bytes()
    assert alice == Credential.from_pem(files.chain, files.key)
    assert pkcs12.load_pkcs12(files.pkcs12.read_bytes(), b"secret").key is not None


def test_a_file_that_cannot_be_written_leaves_nothing_half_done(alice: Credential, tmp_path: Path) -> None:
    """The system's error comes through, and no draft of a key stays."""
    (tmp_path / "alice.key.pem").mkdir()

    with pytest.raises(IsADirectoryError):
        alice.write_to(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"alice.crt.pem", "alice.key.pem"}


@pytest.mark.parametrize(
    "name, stem",
    [
        ("alice@example.com", "alice@example.com"),
        ("../../etc/passwd", "etc_passwd"),
        ("C:\\x", "C_x"),
        ("Jörg", "J_rg"),
        ("...", "credential"),
        (".hidden", "hidden"),
        ("x" * 64, "x" * 64),
    ],
)
def test_file_names_are_safe(root: CertificateAuthority, tmp_path: Path, name: str, stem: str) -> None:
    """No name leads out of the folder, or is none on another system."""
    files = root.issue_client(name).write_to(tmp_path)

    assert tmp_path / f"{stem}.key.pem" == files.key


def test_a_name_for_the_files_can_be_given(alice: Credential, tmp_path: Path) -> None:
    """For two credentials of one common name in one folder."""
    assert tmp_path / "second.key.pem" == alice.write_to(tmp_path, name="second").key


def test_a_mismatched_credential_is_written_without_pkcs12(alice: Credential, tmp_path: Path) -> None:
    """The format cannot hold it; the rest is written."""
    files = alice.with_private_key(KeyType.EC_P256.generate()).write_to(tmp_path)

    assert files.key.exists()
    assert not files.pkcs12.exists()


def test_a_credential_from_elsewhere_is_taken_as_it_is(root: CertificateAuthority, alice: Credential) -> None:
    """Order and content of the chain are kept, even if they make no sense."""
    odd = alice.with_chain(root, alice, root)

    assert odd.chain == Credential.from_pem(odd.chain_pem.decode(), alice.encrypted_private_key_pem("x"), "x").chain


def test_a_key_of_another_certificate_is_noticed(root: CertificateAuthority, alice: Credential) -> None:
    """A leaf that does not come first is a frequent cause, and named."""
    bob = root.issue_client("bob")

    with pytest.raises(KeyMismatch, match=r"that of certificate 2: the leaf must come first"):
        Credential.from_pem(bob.certificate_pem + alice.certificate_pem, alice.private_key_pem)
    with pytest.raises(KeyMismatch, match=r"first certificate \(bob\), nor of any other"):
        Credential.from_pem(bob.certificate_pem, alice.private_key_pem)
    assert not Credential.from_pem(bob.certificate_pem, alice.private_key_pem, allow_mismatch=True).matches_key


def test_swapped_arguments_are_noticed(alice: Credential) -> None:
    """Key first, chain second: both errors name what was found."""
    with pytest.raises(InvalidPem, match="certificate chain holds only a private key"):
        Credential.from_pem(alice.private_key_pem, alice.chain_pem)


def test_another_key_can_be_given_on_purpose(root: CertificateAuthority, alice: Credential) -> None:
    """A key, or the credential that has it."""
    bob = root.issue_client("bob")

    assert alice.matches_key
    assert not alice.with_private_key(bob).matches_key
    assert alice.with_private_key(bob) == alice.with_private_key(bob.private_key)
    assert isinstance(alice.certificate, x509.Certificate)
