"""DSA: no credential of ours has such a key, and a user's own may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa

from pytest_mtls import CertificateAuthority, Credential, Harness, NginxServer


@pytest.fixture(scope="module")
def key() -> dsa.DSAPrivateKey:
    """A third of a second's work."""
    return dsa.generate_private_key(2048)


def test_a_credential_from_elsewhere_is_presented(
    serve: Callable[..., NginxServer], harness: Harness, key: dsa.DSAPrivateKey
) -> None:
    """By TLS 1.2; 1.3 knows no DSA (RFC 8446 section 4.2.3), so there the client has nothing to show."""
    issued = harness.ca.issue_client("alice", private_key=key)
    alice = Credential.from_pem(issued.chain_pem, issued.private_key_pem)
    server = serve(verify="on")

    assert server.request(credential=alice, tls="1.2").verify == "SUCCESS"
    assert server.request(credential=alice, tls="1.3").reason == "no_certificate"


@pytest.mark.parametrize("signature_hash", ["sha1", "sha256"])
def test_an_authority_may_have_such_a_key(key: dsa.DSAPrivateKey, signature_hash: str) -> None:
    """Its signatures are right, also with the hash that cryptography no longer signs with."""
    authority = CertificateAuthority("Old CA", private_key=key)

    leaf = authority.issue_client("alice", signature_hash=signature_hash).certificate

    assert leaf.signature_hash_algorithm is not None
    assert leaf.signature_hash_algorithm.name == signature_hash
    key.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, leaf.signature_hash_algorithm)
