"""An OCSP response (RFC 6960 section 4.2), right in every point or wrong in exactly one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import ocsp

from pytest_mtls.pki import der
from pytest_mtls.pki.keys import KeyType
from pytest_mtls.pki.signing import choose_hash
from pytest_mtls.pki.validity import BACKDATING, now

if TYPE_CHECKING:
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.keys import PrivateKey

DAY = timedelta(days=1)


class OcspBehaviour(str, Enum):
    """What an OCSP responder does with a query. Whatever is not named here is as it should be.

    Where the status is not named it is what the authority says: revoked if it revoked the certificate, else good.
    """

    HONEST = "honest"
    """The default."""
    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"

    WRONG_KEY = "wrong-key"
    """In the authority's name, signed with another key."""
    UNKNOWN_SIGNER = "unknown-signer"
    """Signed by an authority that has nothing to do with it, whose certificate is enclosed."""
    DELEGATED = "delegated"
    """Signed by a responder's certificate that the authority issued for it (RFC 6960 section 4.2.2.2)."""
    DELEGATED_WITHOUT_EKU = "delegated-without-eku"
    """The same, but its certificate lacks the extended key usage ``OCSPSigning``."""

    STALE = "stale"
    """Its nextUpdate was yesterday."""
    FUTURE = "future"
    """Its thisUpdate is tomorrow."""
    WITHOUT_NEXT_UPDATE = "without-next-update"
    """Newer information is always available (RFC 6960 section 4.2.2.1)."""
    OTHER_SERIAL = "other-serial"
    """About another certificate than the one asked about."""

    MALFORMED_REQUEST = "malformed-request"
    """This and the next four are the responses without a status of RFC 6960 section 2.3."""
    INTERNAL_ERROR = "internal-error"
    TRY_LATER = "try-later"
    SIG_REQUIRED = "sig-required"
    UNAUTHORIZED = "unauthorized"

    HTTP_ERROR = "http-error"
    """Status 500, with what would be the right response."""
    WRONG_CONTENT_TYPE = "wrong-content-type"
    """``text/html``, with what would be the right response."""
    EMPTY = "empty"
    """Status 200 and no body."""
    MALFORMED = "malformed"
    """A body that is not DER."""
    HANGING = "hanging"
    """Takes the query and never answers."""
    DOWN = "down"
    """Nobody listens: connections are refused."""

    def __str__(self) -> str:
        return self.value


_REFUSALS = {
    OcspBehaviour.MALFORMED_REQUEST: ocsp.OCSPResponseStatus.MALFORMED_REQUEST,
    OcspBehaviour.INTERNAL_ERROR: ocsp.OCSPResponseStatus.INTERNAL_ERROR,
    OcspBehaviour.TRY_LATER: ocsp.OCSPResponseStatus.TRY_LATER,
    OcspBehaviour.SIG_REQUIRED: ocsp.OCSPResponseStatus.SIG_REQUIRED,
    OcspBehaviour.UNAUTHORIZED: ocsp.OCSPResponseStatus.UNAUTHORIZED,
}


def refusal(behaviour: OcspBehaviour) -> bytes | None:
    """The response without a status that a behaviour stands for, as DER; ``None`` if it stands for none."""
    status = _REFUSALS.get(behaviour)
    return status and _der(ocsp.OCSPResponseBuilder.build_unsuccessful(status))


@dataclass(frozen=True, slots=True)
class _Signer:
    """Who a response says has signed it, what signs it, and what is enclosed."""

    name: x509.Certificate
    key: PrivateKey
    enclosed: tuple[x509.Certificate, ...] = ()
    named_by: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH


class Issuer:
    """One authority, as an OCSP responder speaks for it.

    Args:
        authority: whose certificates are asked about.
    """

    def __init__(self, authority: CertificateAuthority) -> None:
        self.authority = authority
        self._key_bits = _public_key_bits(authority.certificate)

    def is_meant(self, query: ocsp.OCSPRequest) -> bool:
        """Whether the query is about a certificate of this authority: by hashes of its name and key (RFC 6960 section
        4.1.1)."""
        name = self.authority.certificate.subject.public_bytes()
        return (query.issuer_name_hash, query.issuer_key_hash) == (
            _digest(query.hash_algorithm, name),
            _digest(query.hash_algorithm, self._key_bits),
        )

    def respond(self, query: ocsp.OCSPRequest, behaviour: OcspBehaviour, lifetime: timedelta) -> bytes:
        """The response, as DER.

        Args:
            query: about one certificate of this authority.
            behaviour: what is wrong with it.
            lifetime: from now until its nextUpdate.

        Raises:
            ValueError: no certificate can have the serial number asked about.
        """
        serial = query.serial_number
        status, revoked_at, reason = self._status(serial, behaviour)
        this_update, next_update = _times(behaviour, lifetime)
        signer = self._signer(behaviour)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=self._stand_in(serial ^ 1 or 2 if behaviour is OcspBehaviour.OTHER_SERIAL else serial),
                issuer=self.authority.certificate,
                algorithm=query.hash_algorithm,
                cert_status=status,
                this_update=this_update,
                next_update=next_update,
                revocation_time=revoked_at,
                revocation_reason=reason,
            )
            .responder_id(signer.named_by, signer.name)
        )
        if signer.enclosed:
            builder = builder.certificates(signer.enclosed)
        for extension in query.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)  # RFC 9654 section 2.1
        return _der(builder.sign(signer.key, choose_hash(signer.key, None)))

    def _status(
        self, serial: int, behaviour: OcspBehaviour
    ) -> tuple[ocsp.OCSPCertStatus, datetime | None, x509.ReasonFlags | None]:
        if behaviour is OcspBehaviour.UNKNOWN:
            return ocsp.OCSPCertStatus.UNKNOWN, None, None
        entry = self.authority.revocation_of(serial)
        if behaviour is OcspBehaviour.GOOD or (entry is None and behaviour is not OcspBehaviour.REVOKED):
            return ocsp.OCSPCertStatus.GOOD, None, None
        if entry is None:
            return ocsp.OCSPCertStatus.REVOKED, now() - BACKDATING, None
        reasons = [each.value.reason for each in entry.extensions if isinstance(each.value, x509.CRLReason)]
        return ocsp.OCSPCertStatus.REVOKED, entry.revocation_date_utc, reasons[0] if reasons else None

    def _stand_in(self, serial: int) -> x509.Certificate:
        """A certificate with that serial number: ``cryptography`` before 45 makes responses only about certificates,
        and of those it takes nothing but the number."""
        moment = datetime(2000, 1, 1, tzinfo=timezone.utc)
        return (
            x509.CertificateBuilder()
            .issuer_name(self.authority.certificate.subject)
            .subject_name(x509.Name([]))
            .public_key(self._stand_in_key.public_key())
            .serial_number(serial)
            .not_valid_before(moment)
            .not_valid_after(moment)
            .sign(self._stand_in_key, None)
        )

    def _signer(self, behaviour: OcspBehaviour) -> _Signer:
        own = self.authority
        if behaviour is OcspBehaviour.WRONG_KEY:
            # By name: a hash of the key would say that somebody else has signed.
            twin = self._namesake
            return _Signer(twin.certificate, twin.private_key, named_by=ocsp.OCSPResponderEncoding.NAME)
        if behaviour is OcspBehaviour.UNKNOWN_SIGNER:
            return _Signer(self._stranger.certificate, self._stranger.private_key, (self._stranger.certificate,))
        if behaviour is OcspBehaviour.DELEGATED:
            return _Signer(self._delegate.certificate, self._delegate.private_key, (self._delegate.certificate,))
        if behaviour is OcspBehaviour.DELEGATED_WITHOUT_EKU:
            plain = self._plain_delegate
            return _Signer(plain.certificate, plain.private_key, (plain.certificate,))
        return _Signer(own.certificate, own.private_key)

    @cached_property
    def _stand_in_key(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.generate()

    @cached_property
    def _namesake(self) -> CertificateAuthority:
        # Its key is of one kind with the authority's, so that the signature is wrong and not the algorithm.
        own = self.authority.private_key
        if isinstance(own, ec.EllipticCurvePrivateKey):
            key: PrivateKey = ec.generate_private_key(own.curve)
        else:
            key = (KeyType.ED25519 if choose_hash(own, None) is None else KeyType.RSA_2048).generate()
        return type(self.authority)(self.authority.certificate.subject, private_key=key)

    @cached_property
    def _stranger(self) -> CertificateAuthority:
        return type(self.authority)("pytest-mtls unknown OCSP signer")

    @cached_property
    def _delegate(self) -> Credential:
        return self._delegated(("OCSPSigning",))

    @cached_property
    def _plain_delegate(self) -> Credential:
        return self._delegated(None)

    def _delegated(self, usage: tuple[str, ...] | None) -> Credential:
        # Without noCheck a client would have to ask about the responder's certificate too (RFC 6960 4.2.2.2.1).
        return self.authority.issue_client(
            "pytest-mtls OCSP signer", extended_key_usage=usage, extensions=[x509.OCSPNoCheck()]
        )


def _times(behaviour: OcspBehaviour, lifetime: timedelta) -> tuple[datetime, datetime | None]:
    if behaviour is OcspBehaviour.STALE:
        return now() - 2 * DAY, now() - DAY
    if behaviour is OcspBehaviour.FUTURE:
        return now() + DAY, now() + 2 * DAY
    return now() - BACKDATING, None if behaviour is OcspBehaviour.WITHOUT_NEXT_UPDATE else now() + lifetime


def _public_key_bits(certificate: x509.Certificate) -> bytes:
    """What issuerKeyHash is made of: the BIT STRING of the key, without tag, length and count of unused bits."""
    encoded = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _, bits = der.read(encoded).children()
    return bits.content[1:]


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _der(response: ocsp.OCSPResponse) -> bytes:
    return response.public_bytes(serialization.Encoding.DER)
