"""A certificate and the chain that goes with it, described in nginx's spelling."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from pytest_mtls.escapes import printable
from pytest_mtls.pki import pem
from pytest_mtls.pki.names import first_common_name, nginx_dn

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.keys import PrivateKey


class HasCertificate(Protocol):
    """A credential, an authority, or anything else that has a certificate."""

    @property
    def certificate(self) -> x509.Certificate: ...


class CertificateTexts:
    """What nginx says about a certificate, computed when it is first asked for, and kept (hence no slots).

    Attributes:
        certificate: the leaf.
        chain: what is sent after it, in that order.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    @cached_property
    def certificate_der(self) -> bytes:
        """The leaf alone, as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @cached_property
    def certificate_pem(self) -> bytes:
        """The leaf alone, as PEM: byte for byte what nginx has in ``$ssl_client_raw_cert``."""
        return pem.certificate_pem(self.certificate)

    @cached_property
    def chain_pem(self) -> bytes:
        """What is sent, as PEM: the leaf, then the chain."""
        return self.certificate_pem + b"".join(pem.certificate_pem(certificate) for certificate in self.chain)

    @cached_property
    def escaped_pem(self) -> str:
        """The leaf as nginx has it in ``$ssl_client_escaped_cert``: PEM, percent-encoded."""
        return quote(self.certificate_pem, safe="")

    @cached_property
    def subject_dn(self) -> str:
        """``$ssl_client_s_dn``: RFC 2253 as OpenSSL writes it, see :func:`~pytest_mtls.pki.names.nginx_dn`."""
        return nginx_dn(self.certificate.subject)

    @cached_property
    def issuer_dn(self) -> str:
        """``$ssl_client_i_dn``, spelled like :attr:`subject_dn`."""
        return nginx_dn(self.certificate.issuer)

    @cached_property
    def serial_hex(self) -> str:
        """``$ssl_client_serial``: upper-case hexadecimal in whole bytes, 1 is ``01`` and 0xABC is ``0ABC``."""
        return serial_hex(self.certificate.serial_number)

    @cached_property
    def fingerprint_sha1(self) -> str:
        """``$ssl_client_fingerprint``: SHA-1 of the DER, lower-case hexadecimal without colons."""
        return self.certificate.fingerprint(hashes.SHA1()).hex()

    @cached_property
    def fingerprint_sha256(self) -> str:
        """SHA-256 of the DER, spelled like :attr:`fingerprint_sha1`. nginx has no variable for it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @cached_property
    def thumbprint_sha256(self) -> str:
        """``x5t#S256``: SHA-256 of the DER in base64url without padding, as a token bound to it has in ``cnf`` (RFC
        8705 section 3.1)."""
        return urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()

    def __str__(self) -> str:
        return printable(first_common_name(self.certificate.subject) or self.subject_dn or f"serial {self.serial_hex}")

    def __repr__(self) -> str:
        chain = f", chain of {len(self.chain)}" if self.chain else ""
        return f"<{type(self).__name__} {self.subject_dn!r}, serial {self.serial_hex}{chain}>"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, CertificateTexts) and self._identity == other._identity

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        """What makes two of them the same."""
        chain = tuple(certificate.public_bytes(serialization.Encoding.DER) for certificate in self.chain)
        return (type(self), self.certificate_der, chain)

    @cached_property
    def _hash(self) -> int:
        return hash(self._identity)


@dataclass(frozen=True, repr=False, eq=False)
class IssuedCertificate(CertificateTexts):
    """A certificate with its chain, but without the private key: what comes back for a signing request.

    Attributes:
        certificate: the leaf.
        chain: what is sent after it, in that order; normally the intermediates, without the root (RFC 5246 section
            7.4.2).
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def with_private_key(self, key: PrivateKey | Credential) -> Credential:
        """A credential of this certificate and that key, which may be another certificate's: on purpose, then."""
        from pytest_mtls.pki.credential import Credential

        private_key = key.private_key if isinstance(key, Credential) else key
        return Credential(self.certificate, private_key, self.chain)


def serial_hex(number: int) -> str:
    """A serial number as OpenSSL's ``i2a_ASN1_INTEGER`` writes it; one below zero has a minus before it."""
    digits = f"{abs(number):X}"
    return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def certificates_of(sources: Iterable[x509.Certificate | HasCertificate]) -> tuple[x509.Certificate, ...]:
    """Each source's own certificate."""
    return tuple(source if isinstance(source, x509.Certificate) else source.certificate for source in sources)
