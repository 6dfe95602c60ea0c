"""A client certificate runs out, and its owner gets the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mtls.pki.keys import PrivateKey
    from pytest_mtls.pki.template import CertificateOptions

_OF_THE_KEYS = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
_MADE_FROM: dict[str, type[x509.ExtensionType]] = {
    "sans": x509.SubjectAlternativeName,
    "key_usage": x509.KeyUsage,
    "extended_key_usage": x509.ExtendedKeyUsage,
    "is_ca": x509.BasicConstraints,
    "path_length": x509.BasicConstraints,
    "name_constraints": x509.NameConstraints,
    "ocsp_url": x509.AuthorityInformationAccess,
    "crl_url": x509.CRLDistributionPoints,
}
"""Which extension an option replaces."""


def renew(
    credential: Credential, *, authority: CertificateAuthority | None = None, **options: Unpack[CertificateOptions]
) -> Credential:
    """The next certificate of the same owner: subject, alternative names, usages and other extensions stay; the key (of
    the same kind) and the serial number are new, and it is valid for a day from now. The former one goes on being valid
    until it is revoked or ends.

    Args:
        credential: the one to renew. A chain that was changed on purpose stays as it is.
        authority: who issues; by default who issued it. Another is what a change of CA looks like to a client.
        options: what is to be different: see :class:`~pytest_mtls.pki.template.CertificateOptions`.

    Raises:
        InvalidArgument: nobody knows who issued it, or an option cannot be.
    """
    if not isinstance(credential, Credential):
        raise InvalidArgument(f"renew({credential!r}): this is no Credential; mtls_ca.issue_client('name') makes one.")
    issuer = authority or credential.authority
    if issuer is None:
        raise InvalidArgument(
            f"renew({credential}): it was not issued in this run, so its authority is not known; give authority=."
        )
    replaced: tuple[type[x509.ExtensionType], ...] = (
        *_OF_THE_KEYS,
        *(kind for name, kind in _MADE_FROM.items() if name in options),
    )
    former = credential.certificate.extensions
    kept: CertificateOptions = {
        "subject": credential.certificate.subject,
        "key_usage": None,
        "extended_key_usage": None,
        "extensions": [each for each in former if not isinstance(each.value, replaced)],
        "key_identifiers": any(isinstance(each.value, _OF_THE_KEYS) for each in former),
    }
    if "key_type" not in options:
        kept["private_key"] = _another_key(credential.private_key)
    chosen: CertificateOptions = {**kept, **options}
    renewed = replace(issuer.issue_client(**chosen), name=credential.name)
    keeps_chain = issuer is credential.authority and "chain" not in options
    return replace(renewed, chain=credential.chain) if keeps_chain else renewed


def _another_key(key: PrivateKey) -> PrivateKey:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ec.generate_private_key(key.curve)
    if isinstance(key, rsa.RSAPrivateKey):
        return rsa.generate_private_key(key.public_key().public_numbers().e, key.key_size)
    if isinstance(key, dsa.DSAPrivateKey):
        return key.parameters().generate_private_key()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return ed25519.Ed25519PrivateKey.generate()
    return ed448.Ed448PrivateKey.generate()
