"""An authority for what is kept: a day, which is long for a test, is short for a bug report."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.validity import now

if TYPE_CHECKING:
    from cryptography import x509
    from typing_extensions import Unpack

    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.template import AuthorityOptions, CertificateOptions

_TIMES = frozenset({"lifetime", "not_before", "not_after"})


class LastingAuthority(CertificateAuthority):
    """One whose certificates and CRLs last as long as it does, unless they are told otherwise."""

    def issue_client(self, common_name: str | None = None, **options: Unpack[CertificateOptions]) -> Credential:
        """See :meth:`CertificateAuthority.issue_client`."""
        self._let_last(options)
        return super().issue_client(common_name, **options)

    def issue_server(self, *names: str | x509.GeneralName, **options: Unpack[CertificateOptions]) -> Credential:
        """See :meth:`CertificateAuthority.issue_server`."""
        self._let_last(options)
        return super().issue_server(*names, **options)

    def intermediate(
        self, subject: str | x509.Name = "pytest-mtls intermediate CA", **options: Unpack[AuthorityOptions]
    ) -> CertificateAuthority:
        """See :meth:`CertificateAuthority.intermediate`."""
        self._let_last(options)
        return super().intermediate(subject, **options)

    def crl(self, *, next_update: datetime | None = None, **options: Any) -> bytes:
        """See :meth:`CertificateAuthority.crl`."""
        end = self.certificate.not_valid_after_utc
        if next_update is None and end > now():
            next_update = end
        return super().crl(next_update=next_update, **options)

    def _let_last(self, options: AuthorityOptions) -> None:
        if _TIMES.isdisjoint(options):
            options["not_after"] = self.certificate.not_valid_after_utc
