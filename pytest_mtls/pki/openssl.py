"""What is in a certificate or key, in the language of the ``openssl`` command (1.1.1 and later).

Extensions become lines of its configuration (x509v3_config(5)); what that has no words for is given as DER.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pytest_mtls.pki.keys import PublicKey
from pytest_mtls.pki.usages import extended_key_usage_names, key_usage_names

_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_PLAIN: Final = re.compile(r"[A-Za-z0-9.:*@_/+-]+")
"""What a configuration takes as it stands: without commas, quotes, comments, variables and escapes."""


def key_options(key: PublicKey) -> tuple[str, ...]:
    """The arguments by which ``openssl genpkey`` makes a key pair of that kind."""
    if isinstance(key, rsa.RSAPublicKey):
        return ("-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{key.key_size}")
    if isinstance(key, ec.EllipticCurvePublicKey):
        curve = _CURVES.get(key.curve.name, key.curve.name)
        return ("-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")
    return ("-algorithm", type(key).__name__.removesuffix("PublicKey").upper())


def hash_options(signed: x509.Certificate | x509.CertificateRevocationList) -> tuple[str, ...]:
    """The argument that names what it was hashed with; none for keys that sign without."""
    algorithm = signed.signature_hash_algorithm
    return () if algorithm is None else (f"-{algorithm.name}",)


def subject_option(subject: x509.Name) -> str:
    r"""The value of ``-subj``: its parts begin with a slash, and are joined by ``+`` where there are several in one."""
    return "".join(
        "/" + "+".join(f"{each.rfc4514_attribute_name}={_subject_value(str(each.value))}" for each in part)
        for part in subject.rdns
    )


def _subject_value(text: str) -> str:
    return re.sub(r"([\\/+])", r"\\\1", text)


def extension_lines(certificate: x509.Certificate, issuer: x509.AuthorityKeyIdentifier | None) -> Iterator[str]:
    """The lines of the file that ``-extfile`` names.

    Args:
        certificate: whose extensions. An authorityKeyIdentifier that is another's than its issuer's is left out: its
            value is known where that authority is made.
        issuer: what its issuer's key is known by; ``None`` where it signed itself.
    """
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.AuthorityKeyIdentifier) and extension.value != issuer:
            continue
        critical = "critical," if extension.critical else ""
        name, value = _in_words(extension.value) or (extension.oid.dotted_string, _der(extension.value))
        yield f"{name} = {critical}{value}"


def _in_words(value: x509.ExtensionType) -> tuple[str, str] | None:
    for kind, words in _WORDS.items():
        if isinstance(value, kind):
            return words(value)
    return None


def _basic_constraints(value: x509.BasicConstraints) -> tuple[str, str]:
    length = "" if value.path_length is None else f",pathlen:{value.path_length}"
    return "basicConstraints", f"CA:{str(value.ca).upper()}{length}"


def _alternative_names(value: x509.SubjectAlternativeName) -> tuple[str, str] | None:
    names = [_general_name(each) for each in value]
    return None if None in names else ("subjectAltName", ",".join(filter(None, names)))


def _name_constraints(value: x509.NameConstraints) -> tuple[str, str] | None:
    names = [("permitted", _general_name(each)) for each in value.permitted_subtrees or ()]
    names += [("excluded", _general_name(each)) for each in value.excluded_subtrees or ()]
    if any(name is None for _, name in names):
        return None
    return "nameConstraints", ",".join(f"{kind};{name}" for kind, name in names)


_WORDS: Final[dict[type[x509.ExtensionType], Callable[[Any], tuple[str, str] | None]]] = {
    x509.SubjectKeyIdentifier: lambda value: ("subjectKeyIdentifier", "hash"),
    x509.AuthorityKeyIdentifier: lambda value: ("authorityKeyIdentifier", "keyid:always"),
    x509.BasicConstraints: _basic_constraints,
    x509.KeyUsage: lambda value: ("keyUsage", ",".join(key_usage_names(value))),
    x509.ExtendedKeyUsage: lambda value: ("extendedKeyUsage", ",".join(extended_key_usage_names(value))),
    x509.SubjectAlternativeName: _alternative_names,
    x509.NameConstraints: _name_constraints,
}

_KINDS: Final[dict[type[x509.GeneralName], str]] = {
    x509.DNSName: "DNS",
    x509.IPAddress: "IP",
    x509.RFC822Name: "email",
    x509.UniformResourceIdentifier: "URI",
}


def _general_name(name: x509.GeneralName) -> str | None:
    value = name.value
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        value = f"{value.network_address}/{value.netmask}"
    kind = _KINDS.get(type(name))
    return f"{kind}:{value}" if kind and _PLAIN.fullmatch(str(value)) else None


def _der(value: x509.ExtensionType) -> str:
    return "DER:" + value.public_bytes().hex(":").upper()
