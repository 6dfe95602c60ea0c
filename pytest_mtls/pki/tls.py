"""Giving a credential to the standard library's ``ssl``, without leaving a readable key behind.

``ssl.SSLContext.load_cert_chain`` takes nothing but paths. And it refuses a private key of another certificate, which
is right, and in the way of the one test that needs just that: does the server check the client's signature?
"""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pytest_mtls.errors import KeyMismatch
from pytest_mtls.pki import der, pem
from pytest_mtls.pki.keys import PrivateKey

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential


def load_credential(context: ssl.SSLContext, credential: Credential, *, allow_mismatch: bool = False) -> None:
    """Have the context present this credential.

    Args:
        context: of either side; one that has ``@SECLEVEL=0`` also takes keys and signatures that are weak on purpose.
        credential: its certificate, chain and key are loaded as they are.
        allow_mismatch: load a key of another certificate too, disguised, so that the handshake carries a bad signature.

    Raises:
        KeyMismatch: the key is another certificate's, and that is not allowed or cannot be disguised.
        ssl.SSLError: OpenSSL refuses the certificate or the key, for instance as too weak for its security level.
    """
    if credential.matches_key:
        _load(context, credential.chain_pem, credential.private_key_pem, credential.encrypted_private_key_pem)
        return
    if not allow_mismatch:
        raise KeyMismatch(
            f"The private key of {credential} belongs to another certificate, and OpenSSL would not load the two. "
            "Where a wrong signature is what you want to send, pass allow_mismatch=True."
        )
    disguised = disguised_key_pem(credential.certificate, credential.private_key)
    if disguised is None:
        raise KeyMismatch(
            f"The private key of {credential} cannot be passed off as its certificate's: "
            "that takes RSA keys of one size, or EC keys on one curve."
        )
    # cryptography rightly calls it invalid, so it cannot be encrypted: it is for tests, and proves nothing.
    _load(context, credential.chain_pem, disguised, lambda password: disguised)


def disguised_key_pem(certificate: x509.Certificate, private_key: PrivateKey) -> bytes | None:
    """A private key that OpenSSL takes for the certificate's, but which signs with the one given.

    OpenSSL compares only the public halves (``X509_check_private_key``), and reads the public half from the file: the
    point in RFC 5915's ``publicKey``, or modulus and exponent in RFC 8017's ``RSAPrivateKey``.

    Returns:
        PEM in the traditional format; ``None`` where the keys are of different kinds, curves or sizes, and for Ed25519,
        whose public half OpenSSL computes itself.
    """
    public_key = certificate.public_key()
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(private_key, ec.EllipticCurvePrivateKey):
        if public_key.curve.name != private_key.curve.name:
            return None
        return pem.block("EC PRIVATE KEY", _with_public_point(private_key, public_key))
    if isinstance(public_key, rsa.RSAPublicKey) and isinstance(private_key, rsa.RSAPrivateKey):
        if public_key.key_size != private_key.key_size:
            return None
        return pem.block("RSA PRIVATE KEY", _with_modulus(private_key, public_key))
    return None


def _with_public_point(private_key: ec.EllipticCurvePrivateKey, public_key: ec.EllipticCurvePublicKey) -> bytes:
    point = public_key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    version, scalar, curve, _ = der.read(_traditional(private_key)).children()
    explicit_public_key = der.encode(0xA1, der.encode(der.BIT_STRING, b"\0", point))
    return der.encode(der.SEQUENCE, version.encoded, scalar.encoded, curve.encoded, explicit_public_key)


def _with_modulus(private_key: rsa.RSAPrivateKey, public_key: rsa.RSAPublicKey) -> bytes:
    # OpenSSL signs with the primes, notices that the result does not verify, and falls back to the private exponent:
    # also another key's.
    numbers = public_key.public_numbers()
    version, _, _, *private = der.read(_traditional(private_key)).children()
    public = der.encode_integer(numbers.n) + der.encode_integer(numbers.e)
    return der.encode(der.SEQUENCE, version.encoded, public, *(number.encoded for number in private))


def _traditional(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _load(context: ssl.SSLContext, chain: bytes, key: bytes, encrypt: Callable[[str], bytes]) -> None:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pytest-mtls", os.MFD_CLOEXEC)
        try:
            path = Path(f"/proc/self/fd/{descriptor}")
            if path.exists():  # not where /proc is hidden
                with open(descriptor, "wb", closefd=False) as file:
                    file.write(chain + key)
                context.load_cert_chain(path)
                return
        finally:
            os.close(descriptor)
    _load_through_file(context, chain, encrypt)


def _load_through_file(context: ssl.SSLContext, chain: bytes, encrypt: Callable[[str], bytes]) -> None:
    """For systems without memory files: what stands on the disk for that moment is encrypted, and the owner's only."""
    password = secrets.token_hex(32)
    descriptor, path = tempfile.mkstemp(prefix="pytest-mtls-", suffix=".pem")  # 0600 from the start
    try:
        with open(descriptor, "wb") as file:
            file.write(chain + encrypt(password))
        context.load_cert_chain(path, password=password)
    finally:
        os.unlink(path)
