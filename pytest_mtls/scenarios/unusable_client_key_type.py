"""A client has a certificate, and nginx says that none was sent.

Symptom: 400 `No required SSL certificate was sent` over TLS 1.3; over TLS 1.2 the alert illegal_parameter.
Cause: The client's key is on a curve that TLS does not use, such as secp256k1: the client's library then leaves the
    certificate out without a word.
Safe: A key that TLS knows: RSA, P-256, P-384, P-521, Ed25519.
Versions: All alike.
Source: RFC 8446 section 4.2.3; measured
"""

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_mtls import KeyType
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    unusable = stage.ca.issue_client("alice", private_key=ec.generate_private_key(ec.SECP256K1()))
    nginx = stage.nginx()
    assert not nginx.request(credential=unusable, tls="1.2").accepted
    return nginx.request(credential=unusable, tls="1.3").internal_status == 496


def safe(stage: Stage) -> None:
    nginx = stage.nginx()
    for kind in (KeyType.RSA_2048, KeyType.EC_P384, KeyType.EC_P521, KeyType.ED25519):
        alice = stage.ca.issue_client("alice", key_type=kind)
        assert all(nginx.request(credential=alice, tls=version).accepted for version in ("1.2", "1.3"))
