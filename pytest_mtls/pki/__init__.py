"""Authorities, credentials and the cast of bad ones: everything about certificates that does not need nginx.

The names of this package are loaded when they are first used, and ``cryptography`` with most of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.files import CredentialFiles
    from pytest_mtls.pki.issued import IssuedCertificate
    from pytest_mtls.pki.keys import KeyType, PrivateKey
    from pytest_mtls.pki.names import nginx_dn, parse_subject
    from pytest_mtls.pki.ocsp import OcspQuery, OcspResponder
    from pytest_mtls.pki.ocsp_response import OcspBehaviour
    from pytest_mtls.pki.pem import load_certificates, load_crls, load_private_key
    from pytest_mtls.pki.states import Credentials, CredentialState
    from pytest_mtls.pki.template import AuthorityOptions, CertificateOptions
    from pytest_mtls.pki.tls import disguised_key_pem, load_credential

_HOMES = {
    "authority": ("CertificateAuthority",),
    "credential": ("Credential",),
    "files": ("CredentialFiles",),
    "issued": ("IssuedCertificate",),
    "keys": ("KeyType", "PrivateKey"),
    "names": ("nginx_dn", "parse_subject"),
    "ocsp": ("OcspQuery", "OcspResponder"),
    "ocsp_response": ("OcspBehaviour",),
    "pem": ("load_certificates", "load_crls", "load_private_key"),
    "states": ("CredentialState", "Credentials"),
    "template": ("AuthorityOptions", "CertificateOptions"),
    "tls": ("disguised_key_pem", "load_credential"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AuthorityOptions",
    "CertificateAuthority",
    "CertificateOptions",
    "Credential",
    "CredentialFiles",
    "CredentialState",
    "Credentials",
    "IssuedCertificate",
    "KeyType",
    "OcspBehaviour",
    "OcspQuery",
    "OcspResponder",
    "PrivateKey",
    "disguised_key_pem",
    "load_certificates",
    "load_credential",
    "load_crls",
    "load_private_key",
    "nginx_dn",
    "parse_subject",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
