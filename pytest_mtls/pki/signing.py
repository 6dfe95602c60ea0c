"""Signing certificates and CRLs, also with SHA-1, which ``cryptography`` no longer does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki import der
from pytest_mtls.pki.keys import PrivateKey

SignatureHash = str | hashes.HashAlgorithm | None
"""A hash by name (``"sha256"``) or of ``cryptography``; ``None`` for the one that suits the key."""

_Hash = hashes.SHA1 | hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_HASHES: dict[str, _Hash] = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_RSA_WITH_SHA1 = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.113549.1.1.5"), b"\5\0")  # RFC 3279 section 2.2.1
_ECDSA_WITH_SHA1 = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.4.1"))  # RFC 3279 section 2.2.3
_DSA_WITH_SHA1 = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10040.4.3"))  # RFC 3279 section 2.2.2

_Signed = TypeVar("_Signed", x509.Certificate, x509.CertificateRevocationList)


def sign_certificate(
    builder: x509.CertificateBuilder, key: PrivateKey, signature_hash: SignatureHash
) -> x509.Certificate:
    """The certificate, signed.

    Raises:
        InvalidArgument: the hash is unknown, or this key signs without one.
    """
    algorithm = choose_hash(key, signature_hash)
    if isinstance(algorithm, hashes.SHA1):
        unsuitable = builder.sign(key, hashes.SHA256())
        return x509.load_der_x509_certificate(_signed_with_sha1(unsuitable, key))
    return builder.sign(key, algorithm)


def sign_crl(
    builder: x509.CertificateRevocationListBuilder, key: PrivateKey, signature_hash: SignatureHash
) -> x509.CertificateRevocationList:
    """The CRL, signed.

    Raises:
        InvalidArgument: the hash is unknown, or this key signs without one.
    """
    algorithm = choose_hash(key, signature_hash)
    if isinstance(algorithm, hashes.SHA1):
        unsuitable = builder.sign(key, hashes.SHA256())
        return x509.load_der_x509_crl(_signed_with_sha1(unsuitable, key))
    return builder.sign(key, algorithm)


def choose_hash(key: PrivateKey, signature_hash: SignatureHash) -> _Hash | None:
    """The hash to sign with: the one asked for, else as long as the key is strong (RFC 5758); none for Ed25519.

    Raises:
        InvalidArgument: it is unknown, or this key signs without one.
    """
    without_hash = isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    if signature_hash is None:
        if without_hash:
            return None
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return _HASHES["sha256" if key.key_size <= 256 else "sha384" if key.key_size <= 384 else "sha512"]
        return _HASHES["sha256"]
    name = signature_hash.name if isinstance(signature_hash, hashes.HashAlgorithm) else signature_hash
    if without_hash:
        raise InvalidArgument(
            f"signature_hash={name!r} cannot be had from an authority with an Ed25519 or Ed448 key, "
            "which signs without a hash (RFC 8410); give the authority an EC or RSA key."
        )
    chosen = _HASHES.get(name.lower().replace("-", ""))
    if chosen is None:
        raise InvalidArgument.not_one_of("signature_hash", name, _HASHES)
    return chosen


def _signed_with_sha1(signed: _Signed, key: PrivateKey) -> bytes:
    """The DER of the same, its signature replaced.

    Certificate and CRL are alike here (RFC 5280 sections 4.1 and 5.1): to-be-signed part, algorithm, signature; and the
    first SEQUENCE inside the part that is signed is the algorithm once more.
    """
    to_be_signed, _, _ = der.read(signed.public_bytes(serialization.Encoding.DER)).children()
    fields = list(to_be_signed.children())
    position = next(index for index, field in enumerate(fields) if field.tag == der.SEQUENCE)
    algorithm, signature = _sha1_signer(key)
    parts = [field.encoded for field in fields]
    parts[position] = algorithm
    message = der.encode(der.SEQUENCE, *parts)
    return der.encode(der.SEQUENCE, message, algorithm, der.encode(der.BIT_STRING, b"\0", signature(message)))


def _sha1_signer(key: PrivateKey) -> tuple[bytes, Callable[[bytes], bytes]]:
    """How the algorithm is called, and what makes a signature."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ECDSA_WITH_SHA1, lambda message: key.sign(message, ec.ECDSA(hashes.SHA1()))
    if isinstance(key, dsa.DSAPrivateKey):
        return _DSA_WITH_SHA1, lambda message: key.sign(message, hashes.SHA1())
    rsa_key = cast(rsa.RSAPrivateKey, key)
    return _RSA_WITH_SHA1, lambda message: rsa_key.sign(message, padding.PKCS1v15(), hashes.SHA1())
