"""What an authority has revoked, and the CRL that says so (RFC 5280 section 5)."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from cryptography import x509

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.issued import HasCertificate
from pytest_mtls.pki.keys import PrivateKey
from pytest_mtls.pki.names import nginx_dn
from pytest_mtls.pki.signing import SignatureHash, sign_crl
from pytest_mtls.pki.validity import BACKDATING, CRL_LIFETIME, check_time, now

Revocable = x509.Certificate | HasCertificate | int
"""A certificate, something that has one, or a serial number."""


class RevocationList:
    """The revoked serial numbers of one authority. Threads may use it at once."""

    def __init__(self, issuer: x509.Name, key_identifier: x509.AuthorityKeyIdentifier | None) -> None:
        self._issuer = issuer
        self._key_identifier = key_identifier
        self._revoked: dict[int, x509.RevokedCertificate] = {}
        self._number = 0
        self._lock = threading.Lock()

    def add(self, revoked: Revocable, reason: str | x509.ReasonFlags | None, when: datetime | None) -> None:
        """Put one on the list, in the same short time however long the list is.

        Raises:
            InvalidArgument: it was issued by someone else, or a value is not what a CRL can say.
        """
        serial_number = self._serial_number(revoked)
        entry = _entry(serial_number, reason, when)
        with self._lock:
            self._revoked[serial_number] = entry

    def find(self, issued: Revocable) -> x509.RevokedCertificate | None:
        """Its entry, ``None`` if it is not on the list.

        Raises:
            InvalidArgument: it was issued by someone else.
        """
        return self._revoked.get(self._serial_number(issued))

    def sign(
        self,
        key: PrivateKey,
        *,
        last_update: datetime | None,
        next_update: datetime | None,
        number: int | None,
        extra: Iterable[Revocable],
        without: Iterable[Revocable],
        signature_hash: SignatureHash,
    ) -> x509.CertificateRevocationList:
        """The list as it is now, signed; see :meth:`CertificateAuthority.crl` for the arguments."""
        last_update, next_update = _period(last_update, next_update)
        left_out = {self._serial_number(revoked) for revoked in without}
        added = {serial: _entry(serial, None, None) for serial in (self._serial_number(revoked) for revoked in extra)}
        with self._lock:
            self._number = max(self._number, number) if number is not None else self._number + 1
            number = self._number if number is None else number
            entries = list((added | self._revoked).values() if added else self._revoked.values())
        if left_out:
            entries = [entry for entry in entries if entry.serial_number not in left_out]
        # Given at once: add_revoked_certificate() copies the list each time, which takes minutes for 100 000.
        builder = (
            x509.CertificateRevocationListBuilder(revoked_certificates=entries)
            .issuer_name(self._issuer)
            .last_update(last_update)
            .next_update(next_update)
            .add_extension(_crl_number(number), critical=False)
        )
        if self._key_identifier is not None:
            builder = builder.add_extension(self._key_identifier, critical=False)
        return sign_crl(builder, key, signature_hash)

    def _serial_number(self, revoked: Revocable) -> int:
        if isinstance(revoked, int):
            if revoked < 1 or revoked.bit_length() > 159:
                raise InvalidArgument(f"serial number {revoked} cannot be revoked: it is not from 1 to 2**159 - 1.")
            return revoked
        certificate = revoked if isinstance(revoked, x509.Certificate) else revoked.certificate
        if certificate.issuer != self._issuer:
            raise InvalidArgument(
                f"{nginx_dn(certificate.subject)!r} was issued by {nginx_dn(certificate.issuer)!r}, not by "
                f"{nginx_dn(self._issuer)!r}: only its issuer can revoke it."
            )
        return certificate.serial_number


def _entry(serial_number: int, reason: str | x509.ReasonFlags | None, when: datetime | None) -> x509.RevokedCertificate:
    check_time("when", when)
    # In UTC: given to the constructor, which is half the time of the builder's methods, it is not converted.
    moment = datetime.now(timezone.utc) if when is None else when.astimezone(timezone.utc)
    extensions = [] if reason is None else [_reason(reason)]
    return x509.RevokedCertificateBuilder(serial_number, moment, extensions).build()


def _reason(reason: str | x509.ReasonFlags) -> x509.Extension[x509.ExtensionType]:
    try:
        extension = x509.CRLReason(x509.ReasonFlags(reason))
    except ValueError:
        raise InvalidArgument.not_one_of("reason", reason, [flag.value for flag in x509.ReasonFlags]) from None
    return x509.Extension(extension.oid, False, extension)


def _period(last_update: datetime | None, next_update: datetime | None) -> tuple[datetime, datetime]:
    check_time("last_update", last_update)
    check_time("next_update", next_update)
    if last_update is None:
        last_update = now() - BACKDATING
        if next_update is not None and next_update <= last_update:
            last_update = next_update - timedelta(days=1)
    if next_update is None:
        next_update = last_update + CRL_LIFETIME
    if next_update < last_update:
        raise InvalidArgument(f"next_update={next_update.isoformat()} is before last_update={last_update.isoformat()}.")
    return last_update, next_update


def _crl_number(number: int) -> x509.CRLNumber:
    if number < 0 or number.bit_length() > 159:
        raise InvalidArgument(f"number={number} is not allowed: a CRL number is from 0 to 2**159 - 1.")
    return x509.CRLNumber(number)
