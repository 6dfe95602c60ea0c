"""Private keys: which kinds there are, and how they are written."""

from __future__ import annotations

from enum import Enum

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.secret import Secret

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
)
"""A private key of ``cryptography`` that can sign certificates and handshakes; DSA only up to TLS 1.2 (RFC 8446 section
4.2.3)."""

PublicKey = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | dsa.DSAPublicKey
)
"""The other half of a :data:`PrivateKey`."""

_PUBLIC_EXPONENT = 65537


class KeyType(str, Enum):
    """A kind of key pair. ``str()`` gives an identifier such as ``ec-p256``, which is accepted wherever a member is."""

    EC_P256 = "ec-p256"
    """NIST P-256, the default: quick to make and accepted everywhere."""
    EC_P384 = "ec-p384"
    EC_P521 = "ec-p521"
    ED25519 = "ed25519"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    RSA_1024 = "rsa-1024"
    """Too weak on purpose: OpenSSL refuses it from security level 2 on, its own default since 3.2."""

    def __str__(self) -> str:
        return self.value

    @classmethod
    def parse(cls, value: KeyType | str) -> KeyType:
        """The member of that identifier.

        Raises:
            InvalidArgument: there is none.
        """
        try:
            return cls(value)
        except ValueError:
            raise InvalidArgument.not_one_of("key_type", value, cls) from None

    def generate(self) -> PrivateKey:
        """A new key pair. RSA takes a tenth of a second and more, the others microseconds."""
        if self in _CURVES:
            return ec.generate_private_key(_CURVES[self]())
        if self is KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        return rsa.generate_private_key(_PUBLIC_EXPONENT, int(self.value.removeprefix("rsa-")))


_CURVES: dict[KeyType, type[ec.EllipticCurve]] = {
    KeyType.EC_P256: ec.SECP256R1,
    KeyType.EC_P384: ec.SECP384R1,
    KeyType.EC_P521: ec.SECP521R1,
}


def private_key_pem(key: PrivateKey, password: str | bytes | None = None) -> bytes:
    """PKCS #8 PEM (RFC 5958), encrypted if there is a password.

    Raises:
        InvalidArgument: the password is empty.
    """
    return Secret(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _encryption(password))
    )


def private_key_der(key: PrivateKey) -> bytes:
    """PKCS #8 DER (RFC 5958), not encrypted."""
    return Secret(
        key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def public_key_der(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _encryption(password: str | bytes | None) -> serialization.KeySerializationEncryption:
    if password is None:
        return serialization.NoEncryption()
    secret = password.encode() if isinstance(password, str) else password
    if not secret:
        raise InvalidArgument("The password is empty; leave it out for a key that is not encrypted.")
    return serialization.BestAvailableEncryption(secret)
