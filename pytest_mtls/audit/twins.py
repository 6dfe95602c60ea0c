"""Authorities and CRLs of the user's own, and others minted in the same shape, whose keys are at hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from pytest_mtls.pki.authority import CertificateAuthority

_CRL: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.S)
_SHORTEST: Final = timedelta(seconds=1)


@dataclass
class Family:
    """Authorities that stand in for those of a file: the same subjects, each signed by the same one.

    Attributes:
        own: theirs.
        twins: ours, in the same order.
        outside: authorities of ours that stand for those that are named but not in the file.
    """

    own: tuple[x509.Certificate, ...]
    twins: tuple[CertificateAuthority, ...] = ()
    outside: dict[x509.Name, CertificateAuthority] = field(default_factory=dict)

    @classmethod
    def of(cls, own: Sequence[x509.Certificate]) -> Family:
        """Mint them."""
        family = cls(tuple(own))
        made: dict[int, CertificateAuthority] = {}
        for number in range(len(own)):
            family._mint(number, made)
        family.twins = tuple(made[number] for number in range(len(own)))
        return family

    def _mint(self, number: int, made: dict[int, CertificateAuthority]) -> CertificateAuthority:
        if number not in made:
            certificate = self.own[number]
            if certificate.subject == certificate.issuer:
                made[number] = CertificateAuthority(certificate.subject)
            else:
                above = next((each for each, other in enumerate(self.own) if _issued(other, certificate)), None)
                parent = self._outsider(certificate.issuer) if above is None else self._mint(above, made)
                made[number] = parent.intermediate(certificate.subject)
        return made[number]

    def _outsider(self, name: x509.Name) -> CertificateAuthority:
        if name not in self.outside:
            self.outside[name] = CertificateAuthority(name)
        return self.outside[name]

    def listed(self, lists: Iterable[x509.CertificateRevocationList]) -> list[x509.Certificate]:
        """Those of their authorities that have a list of their own."""
        lists = tuple(lists)
        return [own for own in self.own if any(each.issuer == own.subject and _signed(each, own) for each in lists)]

    def crls(self, lists: Iterable[x509.CertificateRevocationList], *, later: timedelta = timedelta()) -> bytes:
        """CRLs that say the same of our authorities as theirs do of theirs, but that nobody is revoked.

        Args:
            lists: theirs.
            later: as they will be after that time.
        """
        return b"".join(self._crl(each, later) for each in lists)

    def _crl(self, theirs: x509.CertificateRevocationList, later: timedelta) -> bytes:
        begins = theirs.last_update_utc - later
        ends = theirs.next_update_utc - later if theirs.next_update_utc else None
        same_name = [each for each, certificate in enumerate(self.own) if certificate.subject == theirs.issuer]
        signed = [each for each in same_name if _signed(theirs, self.own[each])]
        if signed:
            return self.twins[signed[0]].crl(last_update=begins, next_update=_after(begins, ends))
        # Of the same name as one of theirs, perhaps, but with another key: OpenSSL finds that it is none of its.
        return CertificateAuthority(theirs.issuer).crl(last_update=begins, next_update=_after(begins, ends))


def _after(begins: datetime, ends: datetime | None) -> datetime | None:
    return max(ends, begins + _SHORTEST) if ends else None


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _signed(theirs: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    try:
        return theirs.is_signature_valid(certificate.public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def revocation_lists(content: bytes) -> Iterator[x509.CertificateRevocationList]:
    """Those in a file.

    Raises:
        ValueError: one of them is none.
    """
    for each in _CRL.findall(content):
        yield x509.load_pem_x509_crl(each)
