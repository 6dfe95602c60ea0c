"""Credentials in contexts of the standard library, with keys that fit and keys that do not."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from pytest_mtls.errors import KeyMismatch
from pytest_mtls.pki import (
    CertificateAuthority,
    Credential,
    KeyType,
    disguised_key_pem,
    load_certificates,
    load_credential,
)
from tests.pki.handshake import only, server_context, shake_hands

BOTH_VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)


def a_server(root: CertificateAuthority, *, strict: bool = False) -> ssl.SSLContext:
    """A server of that authority which requires the authority's clients."""
    context = server_context(root.certificate_pem, strict=strict)
    load_credential(context, root.issue_server())
    return context


@BOTH_VERSIONS
@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P521, KeyType.ED25519, KeyType.RSA_2048], ids=str)
def test_a_server_accepts_every_kind_of_key(
    root: CertificateAuthority, key_type: KeyType, version: ssl.TLSVersion
) -> None:
    """A client context presents the credential, whatever its key."""
    alice = root.issue_client("alice", key_type=key_type)

    handshake = shake_hands(only(alice.ssl_context(root.certificate_pem), version), a_server(root))

    assert (handshake.server_error, handshake.client_error) == (None, None)
    assert alice.certificate_der == handshake.peer


@BOTH_VERSIONS
def test_a_chain_through_intermediates_passes_strict_verification(
    root: CertificateAuthority, version: ssl.TLSVersion
) -> None:
    """What is minted by default satisfies X509_V_FLAG_X509_STRICT, Python 3.13's default, on both sides."""
    issuing = root.intermediate("Example Issuing CA").intermediate("Example Deeper CA")
    server = server_context(root.certificate_pem, strict=True)
    load_credential(server, issuing.issue_server("localhost"))
    client = only(issuing.issue_client("alice").ssl_context(root.certificate_pem), version)
    client.verify_flags |= ssl.VERIFY_X509_STRICT

    handshake = shake_hands(client, server)

    assert (handshake.server_error, handshake.client_error) == (None, None)


def test_a_context_with_trust_checks_the_servers_name(root: CertificateAuthority) -> None:
    """Given an authority to trust, the client context also wants the right name."""
    server = a_server(root)

    handshake = shake_hands(root.issue_client("alice").ssl_context(root.certificate_pem), server, "elsewhere.example")

    assert handshake.client_error == "CERTIFICATE_VERIFY_FAILED"


def test_a_context_without_trust_checks_nothing(root: CertificateAuthority) -> None:
    """Without an authority to trust, any server will do."""
    stranger = CertificateAuthority("Stranger")
    server = server_context(root.certificate_pem)
    load_credential(server, stranger.issue_server("elsewhere.example"))

    handshake = shake_hands(root.issue_client("alice").ssl_context(), server)

    assert handshake.client_error is None


@BOTH_VERSIONS
@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.EC_P521, KeyType.RSA_2048], ids=str)
def test_a_disguised_key_makes_the_server_see_a_bad_signature(
    root: CertificateAuthority, key_type: KeyType, version: ssl.TLSVersion
) -> None:
    """With allow_mismatch another key is loaded, and what it signs does not verify."""
    mallory = root.issue_client("mallory", key_type=key_type).with_private_key(key_type.generate())

    handshake = shake_hands(only(mallory.ssl_context(allow_mismatch=True), version), a_server(root))

    assert handshake.server_error == "BAD_SIGNATURE"


def test_a_key_of_another_certificate_is_refused_by_default(root: CertificateAuthority) -> None:
    """A mismatch is an error that names the way to have it on purpose."""
    mallory = root.issue_client("mallory").with_private_key(KeyType.EC_P256.generate())

    with pytest.raises(KeyMismatch, match="allow_mismatch=True"):
        mallory.ssl_context()


@pytest.mark.parametrize(
    "own, other",
    [
        (KeyType.EC_P256, KeyType.EC_P384),
        (KeyType.EC_P256, KeyType.ED25519),
        (KeyType.ED25519, KeyType.ED25519),
        (KeyType.RSA_2048, KeyType.EC_P256),
        (KeyType.RSA_2048, KeyType.RSA_1024),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_disguised_is_refused_even_if_asked_for(
    root: CertificateAuthority, own: KeyType, other: KeyType
) -> None:
    """Keys of different kinds, and Ed25519 keys, cannot be passed off as the certificate's."""
    mallory = root.issue_client("mallory", key_type=own).with_private_key(other.generate())

    assert disguised_key_pem(mallory.certificate, mallory.private_key) is None
    with pytest.raises(KeyMismatch, match="cannot be passed off"):
        mallory.ssl_context(allow_mismatch=True)


def test_weak_credentials_can_be_sent(root: CertificateAuthority) -> None:
    """The contexts have security level 0: it is the server's part to refuse."""
    weak = root.issue_client("weak", key_type=KeyType.RSA_1024, signature_hash="sha1")

    assert isinstance(weak.ssl_context(), ssl.SSLContext)


@pytest.mark.parametrize("with_memory_files", [True, False])
@pytest.mark.parametrize("matching", [True, False])
def test_loading_leaves_no_file_behind(
    root: CertificateAuthority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_memory_files: bool,
    matching: bool,
) -> None:
    """With or without memory files, nothing is left, and nobody could have read what was there."""
    alice = root.issue_client("alice")
    credential = alice if matching else alice.with_private_key(KeyType.EC_P256.generate())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[tuple[int, bytes]] = []

    class Watched(ssl.SSLContext):
        def load_cert_chain(self, certfile, keyfile=None, password=None):  # type: ignore[no-untyped-def]
            if Path(certfile).parent == tmp_path:
                seen.append((os.stat(certfile).st_mode & 0o777, Path(certfile).read_bytes()))
            super().load_cert_chain(certfile, keyfile, password)

    if not with_memory_files:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    load_credential(Watched(ssl.PROTOCOL_TLS_CLIENT), credential, allow_mismatch=True)

    assert list(tmp_path.iterdir()) == []
    if not with_memory_files:
        ((mode, content),) = seen
        assert mode == 0o600
        assert matching == (b"ENCRYPTED PRIVATE KEY" in content)
        assert alice.private_key_pem not in content


def test_what_is_loaded_is_the_whole_chain(root: CertificateAuthority) -> None:
    """The intermediate is sent along, and left out where the credential has none."""
    issuing = root.intermediate("Example Issuing CA")
    alice = issuing.issue_client("alice")

    complete = shake_hands(alice.ssl_context(), a_server(root))
    bare = shake_hands(alice.without_chain().ssl_context(), a_server(root))

    assert (complete.server_error, bare.server_error) == (None, "CERTIFICATE_VERIFY_FAILED")


def test_a_loaded_credential_round_trips(root: CertificateAuthority) -> None:
    """What chain_pem says is what a reader of it finds."""
    alice = root.intermediate("Example Issuing CA").issue_client("alice")

    again = Credential.from_pem(alice.chain_pem, alice.private_key_pem)

    assert alice == again
    assert (alice.certificate, *alice.chain) == load_certificates(alice.chain_pem)
