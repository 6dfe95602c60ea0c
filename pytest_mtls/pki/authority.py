"""An authority: it issues credentials and further authorities, and revokes what it issued."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pytest_mtls.errors import InvalidArgument, InvalidPem, KeyMismatch
from pytest_mtls.pki import pem
from pytest_mtls.pki.credential import Credential, key_belongs_to
from pytest_mtls.pki.extensions import key_identifier_of, may_issue, requested_key, requested_names
from pytest_mtls.pki.issued import IssuedCertificate, certificates_of
from pytest_mtls.pki.keys import PrivateKey, private_key_pem
from pytest_mtls.pki.names import common_name as plain_name
from pytest_mtls.pki.names import nginx_dn, parse_authority_name
from pytest_mtls.pki.revocation import Revocable, RevocationList
from pytest_mtls.pki.sans import looks_like_email, parse_san
from pytest_mtls.pki.signing import SignatureHash
from pytest_mtls.pki.template import (
    AUTHORITY,
    CLIENT,
    SERVER,
    AuthorityOptions,
    CertificateOptions,
    CertificateTemplate,
    Issuer,
    build_certificate,
    subject_of,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mtls.pki.ocsp import OcspResponder, ResponderOptions

DEFAULT_NAME = "pytest-mtls test CA"
DEFAULT_SERVER_NAMES = ("localhost", "127.0.0.1", "::1")


class CertificateAuthority:
    """A certificate authority with its key, made for one test run. Threads may use it at once.

    All that makes a certificate takes the keyword arguments of
    :class:`~pytest_mtls.pki.template.CertificateOptions`. With what they are by default, everything passes OpenSSL's
    ``X509_V_FLAG_X509_STRICT``, which Python's own clients ask for since 3.13.

    Args:
        subject: a plain common name, RFC 4514 text (``CN=...,O=...``) or an ``x509.Name``.
        options: such as ``key_type``, ``lifetime`` (7 days), ``path_length``, ``name_constraints``.

    Raises:
        InvalidArgument: a value cannot be, see there.
    """

    def __init__(self, subject: str | x509.Name = DEFAULT_NAME, **options: Unpack[AuthorityOptions]) -> None:
        template = AUTHORITY.changed("CertificateAuthority", options)
        name = parse_authority_name(subject)
        key = template.key()
        certificate = build_certificate(template, name, key.public_key(), Issuer(name, key))
        self._set_up(certificate, key, parent=None, above=())

    @classmethod
    def from_pem(
        cls, certificate_chain: pem.PemSource, key: pem.PemSource, password: str | bytes | None = None
    ) -> CertificateAuthority:
        """An authority that exists already.

        Args:
            certificate_chain: PEM (or a ``pathlib.Path``) of its certificate, then of those above it, if there are any.
            key: PEM (or a ``pathlib.Path``) of its private key.
            password: what the key is encrypted with, if it is.

        Raises:
            InvalidPem: either is not what it should be; the message says what was found instead.
            KeyMismatch: the key is not the first certificate's.
            InvalidArgument: the first certificate is not an authority's.
            OSError: a file cannot be read.
        """
        certificate, *above = pem.load_certificates(certificate_chain)
        private_key = pem.load_private_key(key, password)
        if not key_belongs_to(private_key, certificate):
            raise KeyMismatch(f"The key is not the one of the first certificate, {nginx_dn(certificate.subject)!r}.")
        authority = cls.__new__(cls)
        try:
            issues = may_issue(certificate)
            authority._set_up(certificate, private_key, parent=None, above=tuple(above))
        except ValueError as problem:
            raise InvalidPem(f"The certificate of {nginx_dn(certificate.subject)!r} is damaged: {problem}.") from None
        if not issues:
            subject = nginx_dn(certificate.subject)
            raise InvalidArgument(f"{subject!r} is not an authority's certificate (basicConstraints CA:TRUE).")
        return authority

    def _set_up(
        self,
        certificate: x509.Certificate,
        private_key: PrivateKey,
        parent: CertificateAuthority | None,
        above: tuple[x509.Certificate, ...],
    ) -> None:
        self._certificate = certificate
        self._private_key = private_key
        self._parent = parent
        self._above = above
        self._key_identifier = key_identifier_of(certificate)
        start = certificate.not_valid_before_utc
        self._issuer = Issuer(certificate.subject, private_key, self._key_identifier, start)
        self._sent_chain = tuple(
            authority for authority in (certificate, *above) if authority.subject != authority.issuer
        )
        self._revoked = RevocationList(certificate.subject, self._key_identifier)

    @property
    def certificate(self) -> x509.Certificate:
        """This authority's own certificate."""
        return self._certificate

    @property
    def private_key(self) -> PrivateKey:
        """This authority's private key."""
        return self._private_key

    @property
    def parent(self) -> CertificateAuthority | None:
        """The authority that issued this one's certificate; ``None`` for a root, and for one that was loaded."""
        return self._parent

    @property
    def certificate_pem(self) -> bytes:
        """This authority's own certificate, as PEM."""
        return pem.certificate_pem(self._certificate)

    @property
    def chain_pem(self) -> bytes:
        """This authority's certificate, then those above it up to and with the root, as PEM."""
        return b"".join(pem.certificate_pem(certificate) for certificate in (self._certificate, *self._above))

    @property
    def key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """The extension by which what it issues names this authority's key (RFC 5280 section 4.2.1.1)."""
        return self._key_identifier

    @property
    def sent_chain(self) -> tuple[x509.Certificate, ...]:
        """What the credentials it issues send after the leaf: its certificate and those above it, without the root."""
        return self._sent_chain

    @property
    def private_key_pem(self) -> bytes:
        """This authority's private key as PKCS #8 PEM, not encrypted."""
        return private_key_pem(self._private_key)

    @property
    def subject_dn(self) -> str:
        """Its name as nginx has it in ``$ssl_client_i_dn`` of what it issued."""
        return nginx_dn(self._certificate.subject)

    def issue_client(self, common_name: str | None = None, **options: Unpack[CertificateOptions]) -> Credential:
        """A credential for a client: extended key usage ``clientAuth``, valid for a day.

        Args:
            common_name: taken as it stands. One that is an email address becomes an alternative name too, unless
                ``subject`` or ``sans`` are given. By default "client".
            options: see :class:`~pytest_mtls.pki.template.CertificateOptions`; ``subject`` takes the place of the name.

        Returns:
            The credential; its chain is the intermediates up to the root, without that.

        Raises:
            InvalidArgument: a value cannot be, or contradicts another.
        """
        template = CLIENT.changed("issue_client", options)
        name = "client" if common_name is None else common_name
        if template.sans is None and template.subject is None and looks_like_email(name):
            template = replace(template, sans=(x509.RFC822Name(name),))
        return self._issue(template, name)

    def issue_server(self, *names: str | x509.GeneralName, **options: Unpack[CertificateOptions]) -> Credential:
        """A credential for a server: extended key usage ``serverAuth``, valid for a day.

        Args:
            names: what it answers to, each as in ``sans``; by default ``localhost``, ``127.0.0.1`` and ``::1``. The
                first is the common name too, where it fits.
            options: see :class:`~pytest_mtls.pki.template.CertificateOptions`; ``sans`` takes the place of the names.

        Raises:
            InvalidArgument: a value cannot be, or contradicts another.
        """
        template = SERVER.changed("issue_server", options)
        sans = tuple(parse_san(name) for name in names or DEFAULT_SERVER_NAMES)
        if template.sans is None:
            template = replace(template, sans=sans)
        first = str(sans[0].value)
        if template.subject is None and len(first.encode()) > 64:  # more than a common name may have
            template = replace(template, subject="")
        return self._issue(template, first)

    def intermediate(
        self, subject: str | x509.Name = "pytest-mtls intermediate CA", **options: Unpack[AuthorityOptions]
    ) -> CertificateAuthority:
        """An authority below this one, valid for 7 days.

        Args:
            subject: a plain common name, RFC 4514 text or an ``x509.Name``.
            options: see :class:`~pytest_mtls.pki.template.CertificateOptions`.

        Raises:
            InvalidArgument: a value cannot be, or contradicts another.
        """
        template = AUTHORITY.changed("intermediate", options)
        name = parse_authority_name(subject)
        key = template.key()
        certificate = build_certificate(template, name, key.public_key(), self._issuer)
        below = type(self).__new__(type(self))
        below._set_up(certificate, key, parent=self, above=(self._certificate, *self._above))
        return below

    def sign(
        self, csr: pem.PemSource | x509.CertificateSigningRequest, **options: Unpack[CertificateOptions]
    ) -> IssuedCertificate:
        """A client certificate for a signing request, whose key stays where it is.

        Subject and alternative names are the request's, unless given; nothing else of it is taken over.

        Args:
            csr: PEM or DER, a ``pathlib.Path`` of it, or the object of ``cryptography``.
            options: see :class:`~pytest_mtls.pki.template.CertificateOptions`; those about the key have no effect.

        Raises:
            InvalidPem: it is not a signing request.
            InvalidArgument: its signature is wrong, its key cannot sign, or an option cannot be.
        """
        request = csr if isinstance(csr, x509.CertificateSigningRequest) else pem.load_csr(csr)
        public_key = requested_key(request)
        template = CLIENT.changed("sign", options)
        if template.sans is None:
            template = replace(template, sans=requested_names(request))
        subject = subject_of(template, request.subject)
        return IssuedCertificate(build_certificate(template, subject, public_key, self._issuer), self._chain(template))

    def revoke(
        self, revoked: Revocable, reason: str | x509.ReasonFlags | None = None, when: datetime | None = None
    ) -> None:
        """Put it on this authority's list, from which each later CRL is made.

        Args:
            revoked: a credential, certificate or authority that this one issued, or a serial number.
            reason: a name of RFC 5280 section 5.3.1 such as ``"keyCompromise"``; left out by default.
            when: with a time zone; now by default.

        Raises:
            InvalidArgument: someone else issued it, or a value is not what a CRL can say.
        """
        self._revoked.add(revoked, reason, when)

    def revocation_of(self, issued: Revocable) -> x509.RevokedCertificate | None:
        """When and why it was revoked; ``None`` if it was not.

        Raises:
            InvalidArgument: someone else issued it.
        """
        return self._revoked.find(issued)

    def crl(
        self,
        *,
        last_update: datetime | None = None,
        next_update: datetime | None = None,
        number: int | None = None,
        signed_by: CertificateAuthority | Credential | PrivateKey | None = None,
        extra: Iterable[Revocable] = (),
        without: Iterable[Revocable] = (),
        signature_hash: SignatureHash = None,
    ) -> bytes:
        """This authority's CRL as it is now, as PEM.

        Args:
            last_update: 5 minutes ago by default, or a day before a ``next_update`` that has passed.
            next_update: 7 days after ``last_update`` by default.
            number: by default one more than the last (RFC 5280 section 5.2.3).
            signed_by: whose key signs in place of this authority's: a CRL that is wrong on purpose.
            extra: further ones to list, in this CRL only.
            without: not to list, in this CRL only.
            signature_hash: as for certificates.

        Raises:
            InvalidArgument: the times are in the wrong order or have no zone, or a value is not what a CRL can say.
        """
        signer = signed_by.private_key if isinstance(signed_by, (CertificateAuthority, Credential)) else signed_by
        return self._revoked.sign(
            signer or self._private_key,
            last_update=last_update,
            next_update=next_update,
            number=number,
            extra=extra,
            without=without,
            signature_hash=signature_hash,
        ).public_bytes(serialization.Encoding.PEM)

    def crl_bundle(self) -> bytes:
        """This authority's CRL and those of every authority above it, as PEM: what nginx needs for ``ssl_crl``.

        nginx has OpenSSL check all of the chain (``X509_V_FLAG_CRL_CHECK_ALL`` in ``ngx_ssl_crl``).

        Raises:
            InvalidArgument: an authority above was only loaded as a certificate, so there is no key for its CRL.
        """
        return b"".join(authority.crl() for authority in self.lineage)

    @property
    def lineage(self) -> tuple[CertificateAuthority, ...]:
        """This authority and every one above it, up to its root.

        Raises:
            InvalidArgument: one was only loaded as a certificate, so there is no key to sign with.
        """
        lineage = [self]
        while (above := lineage[-1].parent) is not None:
            lineage.append(above)
        topmost = lineage[-1].certificate
        if topmost.subject != topmost.issuer:
            missing = nginx_dn(topmost.issuer)
            raise InvalidArgument(f"There is no key for the CRL of {missing!r}; join crl() and that CRL yourself.")
        return tuple(lineage)

    def ocsp_responder(self, **options: Unpack[ResponderOptions]) -> OcspResponder:
        """A responder that tells what this authority and those above it have revoked, or lies on purpose.

        See :class:`~pytest_mtls.pki.ocsp.ResponderOptions`; close it, or use it in a ``with`` statement.
        """
        from pytest_mtls.pki.ocsp import OcspResponder

        return OcspResponder(self, **options)

    def _issue(self, template: CertificateTemplate, name: str) -> Credential:
        subject = plain_name(name) if template.subject is None else subject_of(template, x509.Name([]))
        key = template.key()
        certificate = build_certificate(template, subject, key.public_key(), self._issuer)
        return Credential(certificate, key, self._chain(template), name, self)

    def _chain(self, template: CertificateTemplate) -> tuple[x509.Certificate, ...]:
        return self._sent_chain if template.chain is None else certificates_of(template.chain)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.subject_dn!r}>"
