"""A root and what it issues, with ``cryptography`` and nothing around it."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_Key = ec.EllipticCurvePrivateKey
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Minted:
    """What an nginx that checks client certificates needs, as PEM."""

    authority: bytes
    certificate: bytes
    key: bytes
    crl: bytes = b""


class Root:
    """An authority on P-256."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        root = _builder("bare CA", self._key).add_extension(x509.BasicConstraints(True, None), True)
        self.pem = _signed(root, self._key)

    def server(self, crl: bytes = b"") -> Minted:
        """What a server for localhost needs."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        leaf = _builder("localhost", key).add_extension(x509.SubjectAlternativeName(names), False)
        return Minted(self.pem, _signed(leaf, self._key), _key_pem(key), crl)

    def client(self, name: str) -> tuple[x509.Certificate, _Key]:
        """What a client needs, as objects."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _builder(name, key).add_extension(x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH]), False)
        return leaf.sign(self._key, hashes.SHA256()), key

    def crl(self, serial_numbers: Iterable[int]) -> bytes:
        """A CRL that lists them, as PEM."""
        now = datetime.datetime.now(datetime.timezone.utc)
        entries = [
            x509.RevokedCertificateBuilder().serial_number(each).revocation_date(now).build() for each in serial_numbers
        ]
        # One by one, add_revoked_certificate() copies the list each time.
        builder = (
            x509.CertificateRevocationListBuilder(revoked_certificates=entries)
            .issuer_name(_name("bare CA"))
            .last_update(now - datetime.timedelta(minutes=5))
            .next_update(now + _DAY)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def mint() -> Minted:
    """A root and a certificate for localhost that it issued."""
    return Root().server()


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _builder(name: str, key: _Key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("bare CA"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _DAY)
    )


def _signed(builder: x509.CertificateBuilder, key: _Key) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
