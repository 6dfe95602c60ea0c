"""What a certificate is to say, and the one function that makes a certificate of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from cryptography import x509

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.extensions import ExtensionLike, NameConstraintsLike, make_extensions
from pytest_mtls.pki.keys import KeyType, PrivateKey, PublicKey
from pytest_mtls.pki.names import parse_subject
from pytest_mtls.pki.signing import SignatureHash, sign_certificate
from pytest_mtls.pki.validity import AUTHORITY_LIFETIME, LEAF_LIFETIME, period

if TYPE_CHECKING:
    from pytest_mtls.pki.issued import HasCertificate

_LARGEST_SERIAL = 2**159 - 1


class AuthorityOptions(TypedDict, total=False):
    """The keyword arguments of everything that makes a certificate.

    Attributes:
        sans: ``"URI:..."``, ``"DNS:..."``, ``"IP:..."``, ``"email:..."``, names of ``cryptography``, or text whose kind
            is guessed. ``()`` leaves the extension out.
        key_type: of the key pair to make; a :class:`KeyType` or its identifier such as ``"rsa-2048"``.
        private_key: use this one instead of making one.
        lifetime: 1 day for leaves, 7 for authorities, counted from now or from ``not_before``.
        not_before: by default 5 minutes ago, but not before the issuer's.
        not_after: in place of ``lifetime``. Times need a time zone.
        serial_number: 1 to 2**159 - 1 (RFC 5280 section 4.1.2.2); random by default. The same may be asked for twice.
        extended_key_usage: RFC 5280 names such as ``"clientAuth"``, or dotted OIDs. ``None`` leaves the extension out.
        key_usage: RFC 5280 names such as ``"digitalSignature"``. ``None`` leaves the extension out.
        signature_hash: what the issuer signs with: ``"sha1"`` (refused by OpenSSL from security level 1 or 2 on),
            ``"sha224"``, ``"sha256"``, ``"sha384"``, ``"sha512"``; by default what suits the issuer's key.
        is_ca: basicConstraints say that it may issue certificates; its key usage is a different argument.
        path_length: how many intermediates may follow below (RFC 5280 section 4.2.1.9); only for authorities.
        name_constraints: permitted subtrees for the names of what is issued below (``"DNS:example.org"``,
            ``"IP:10.0.0.0/8"``), or the extension of ``cryptography``.
        ocsp_url: where its status can be asked (authorityInfoAccess).
        crl_url: where its issuer's CRL is (cRLDistributionPoints).
        key_identifiers: ``False`` leaves out subjectKeyIdentifier and authorityKeyIdentifier.
        extensions: further ones of ``cryptography``; they replace those of the same kind made from the arguments above.
        chain: what is sent after a leaf, in place of the intermediates up to the root.
    """

    sans: Iterable[str | x509.GeneralName] | None
    key_type: KeyType | str
    private_key: PrivateKey | None
    lifetime: timedelta | None
    not_before: datetime | None
    not_after: datetime | None
    serial_number: int | None
    extended_key_usage: Iterable[str] | None
    key_usage: Iterable[str] | None
    signature_hash: SignatureHash
    is_ca: bool
    path_length: int | None
    name_constraints: NameConstraintsLike | None
    ocsp_url: str | None
    crl_url: str | None
    key_identifiers: bool
    extensions: Iterable[ExtensionLike]
    chain: Iterable[x509.Certificate | HasCertificate] | None


class CertificateOptions(AuthorityOptions, total=False):
    """The keyword arguments of what makes a leaf: those of an authority, and one more.

    Attributes:
        subject: RFC 4514 text, the most specific part first (``CN=device,O=Example,C=US``), or an ``x509.Name``; it
            takes precedence over the common name. ``""`` is the empty subject.
    """

    subject: str | x509.Name | None


@dataclass(frozen=True, slots=True)
class CertificateTemplate:
    """What a certificate is to say: :class:`CertificateOptions`, with a value for each."""

    subject: str | x509.Name | None = None
    sans: Iterable[str | x509.GeneralName] | None = None
    key_type: KeyType | str = KeyType.EC_P256
    private_key: PrivateKey | None = None
    lifetime: timedelta | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    serial_number: int | None = None
    extended_key_usage: Iterable[str] | None = None
    key_usage: Iterable[str] | None = ("digitalSignature",)
    signature_hash: SignatureHash = None
    is_ca: bool = False
    path_length: int | None = None
    name_constraints: NameConstraintsLike | None = None
    ocsp_url: str | None = None
    crl_url: str | None = None
    key_identifiers: bool = True
    extensions: Iterable[ExtensionLike] = ()
    chain: Iterable[x509.Certificate | HasCertificate] | None = None

    def changed(self, act: str, options: AuthorityOptions) -> CertificateTemplate:
        """The same with some values given.

        Raises:
            TypeError: there is no such option; the message lists them.
        """
        for name in options:
            if name not in _OPTION_NAMES:
                raise TypeError(f"{act}() has no argument {name!r}; it takes {', '.join(sorted(_OPTION_NAMES))}.")
        return replace(self, **options) if options else self

    def key(self) -> PrivateKey:
        """The private key given, or a new one."""
        return self.private_key or KeyType.parse(self.key_type).generate()


_OPTION_NAMES = frozenset(field.name for field in fields(CertificateTemplate))

CLIENT = CertificateTemplate(extended_key_usage=("clientAuth",))
SERVER = CertificateTemplate(extended_key_usage=("serverAuth",))
AUTHORITY = CertificateTemplate(is_ca=True, key_usage=("keyCertSign", "cRLSign"))


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs.

    Attributes:
        name: goes into the certificate as its issuer.
        private_key: what signs, normally the key of that name.
        key_identifier: goes into the certificate as authorityKeyIdentifier; ``None`` leaves that out.
        not_before: certificates do not start earlier by themselves.
    """

    name: x509.Name
    private_key: PrivateKey
    key_identifier: x509.AuthorityKeyIdentifier | None = None
    not_before: datetime | None = None


def build_certificate(
    template: CertificateTemplate, subject: x509.Name, public_key: PublicKey, issuer: Issuer
) -> x509.Certificate:
    """The certificate that the template describes (RFC 5280 section 4).

    Args:
        template: everything but the names and the key.
        subject: takes precedence over the template's.
        public_key: what is certified.
        issuer: who signs; one of the same name and key makes it self-signed.

    Raises:
        InvalidArgument: two values contradict each other, or one is not what RFC 5280 allows.
    """
    start, end = period(
        template.not_before,
        template.not_after,
        template.lifetime,
        default_lifetime=AUTHORITY_LIFETIME if template.is_ca else LEAF_LIFETIME,
        issuer_not_before=issuer.not_before,
    )
    builder = (
        # At once: each of the builder's methods copies it, which takes a third of all the time.
        x509.CertificateBuilder(
            issuer_name=issuer.name,
            subject_name=subject,
            public_key=public_key,
            serial_number=_serial_number(template),
            extensions=make_extensions(template, subject, public_key, issuer.key_identifier),
        )
        .not_valid_before(start)
        .not_valid_after(end)
    )
    return sign_certificate(builder, issuer.private_key, template.signature_hash)


def subject_of(template: CertificateTemplate, default: x509.Name) -> x509.Name:
    """The template's subject, or the default where it has none."""
    return default if template.subject is None else parse_subject(template.subject)


def _serial_number(template: CertificateTemplate) -> int:
    number = template.serial_number
    if number is None:
        return x509.random_serial_number()
    if not isinstance(number, int) or not 1 <= number <= _LARGEST_SERIAL:
        raise InvalidArgument(
            f"serial_number={number!r} is not allowed: RFC 5280 section 4.1.2.2 wants a positive number of at most "
            "20 bytes, 1 to 2**159 - 1."
        )
    return number
