"""Extensions: made from what was asked, and read from what there is (RFC 5280 section 4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import AuthorityInformationAccessOID

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.keys import PublicKey
from pytest_mtls.pki.sans import parse_name_constraint, parse_san
from pytest_mtls.pki.usages import extended_key_usage, key_usage

if TYPE_CHECKING:
    from pytest_mtls.pki.template import CertificateTemplate

ExtensionLike = x509.ExtensionType | x509.Extension[x509.ExtensionType] | tuple[x509.ExtensionType, bool]
"""An extension of ``cryptography``, alone (then it is not critical), with ``(extension, critical)``, or wrapped."""

NameConstraintsLike = x509.NameConstraints | Iterable[str | x509.GeneralName]
"""Permitted subtrees (``"DNS:example.org"``, ``"IP:10.0.0.0/8"``), or the extension of ``cryptography``."""


def make_extensions(
    template: CertificateTemplate,
    subject: x509.Name,
    public_key: PublicKey,
    issuer_key: x509.AuthorityKeyIdentifier | None,
) -> list[x509.Extension[x509.ExtensionType]]:
    """All the extensions of a certificate; one of each kind, those given in place of those made from arguments.

    Raises:
        InvalidArgument: a value is unknown, or contradicts another.
    """
    chosen = {extension.oid: (critical, extension) for extension, critical in _standard(template, subject)}
    if template.key_identifiers:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
        chosen[identifier.oid] = (False, identifier)
        if issuer_key is not None:
            chosen[issuer_key.oid] = (False, issuer_key)
    chosen.update((extension.oid, (critical, extension)) for extension, critical in _further(template))
    return [x509.Extension(oid, critical, extension) for oid, (critical, extension) in chosen.items()]


def _standard(template: CertificateTemplate, subject: x509.Name) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """The extensions that arguments of their own ask for, with their being critical as RFC 5280 section 4.2 has it."""
    yield _basic_constraints(template), True
    if template.key_usage is not None:
        yield key_usage(template.key_usage), True
    if template.extended_key_usage is not None:
        yield extended_key_usage(template.extended_key_usage), False
    if template.sans is not None:
        names = [parse_san(name) for name in _several(template.sans)]
        if names:
            yield x509.SubjectAlternativeName(names), not list(subject)
    if template.name_constraints is not None:
        yield _name_constraints(template.name_constraints), True
    if template.ocsp_url is not None:
        place = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, _url("ocsp_url", template.ocsp_url))
        yield x509.AuthorityInformationAccess([place]), False
    if template.crl_url is not None:
        point = x509.DistributionPoint([_url("crl_url", template.crl_url)], None, None, None)
        yield x509.CRLDistributionPoints([point]), False


_NO_AUTHORITY = x509.BasicConstraints(ca=False, path_length=None)


def _basic_constraints(template: CertificateTemplate) -> x509.BasicConstraints:
    if not template.is_ca and template.path_length is None:
        return _NO_AUTHORITY
    try:
        return x509.BasicConstraints(ca=template.is_ca, path_length=template.path_length)
    except (TypeError, ValueError) as problem:
        raise InvalidArgument(f"path_length={template.path_length!r} with is_ca={template.is_ca}: {problem}.") from None


def _name_constraints(value: NameConstraintsLike) -> x509.NameConstraints:
    if isinstance(value, x509.NameConstraints):
        return value
    permitted = [parse_name_constraint(name) for name in _several(value)]
    return x509.NameConstraints(permitted_subtrees=permitted or None, excluded_subtrees=None)


def _several(names: Iterable[str | x509.GeneralName]) -> Iterable[str | x509.GeneralName]:
    return (names,) if isinstance(names, str) else names


def _url(argument: str, value: str) -> x509.UniformResourceIdentifier:
    if "://" not in value or not value.isascii() or not value.isprintable():
        raise InvalidArgument(f"{argument}={value!r} is not a URL in ASCII, such as 'http://127.0.0.1:8080/'.")
    return x509.UniformResourceIdentifier(value)


def _further(template: CertificateTemplate) -> Iterator[tuple[x509.ExtensionType, bool]]:
    for extension in template.extensions:
        if isinstance(extension, x509.Extension):
            yield extension.value, extension.critical
        elif isinstance(extension, tuple):
            yield extension
        elif isinstance(extension, x509.ExtensionType):
            yield extension, False
        else:
            raise InvalidArgument(
                f"extensions holds a {type(extension).__name__}; give extensions of cryptography.x509, "
                "alone or as (extension, critical)."
            )


def key_identifier_of(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """What an authority's certificate is called in those it issues."""
    try:
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def may_issue(certificate: x509.Certificate) -> bool:
    """Whether basicConstraints make it an authority's certificate."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def requested_names(request: x509.CertificateSigningRequest) -> tuple[x509.GeneralName, ...] | None:
    """The alternative names that a signing request asks for, if it does.

    Raises:
        InvalidArgument: they cannot be read.
    """
    try:
        return tuple(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as problem:
        raise InvalidArgument(
            f"The alternative names that the signing request asks for cannot be read: {problem}. Give sans=... instead."
        ) from None


def requested_key(request: x509.CertificateSigningRequest) -> PublicKey:
    """The key that a signing request is about.

    Raises:
        InvalidArgument: the request does not prove possession of it, or it cannot sign.
    """
    try:
        valid, public_key = request.is_signature_valid, request.public_key()
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise InvalidArgument(
            f"The signing request's key or signature is of a kind that is not known here: {problem}. "
            "Have it made with an RSA, EC or Ed25519 key, and SHA-256."
        ) from None
    if not valid:
        raise InvalidArgument(
            "The signing request's own signature is wrong: it does not prove possession of the key. "
            "`openssl req -verify -noout -in FILE` says the same; have it made anew."
        )
    if not isinstance(public_key, PublicKey):
        raise InvalidArgument(f"The signing request's key is a {type(public_key).__name__}, which is not used here.")
    return public_key
