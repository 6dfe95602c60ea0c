"""Key usages by the names RFC 5280 gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from cryptography import x509

from pytest_mtls.errors import InvalidArgument

_KEY_USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "contentCommitment": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}
_EXTENDED_KEY_USAGES = {
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
    "anyExtendedKeyUsage": "2.5.29.37.0",
}
_DOTTED = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")


def key_usage(names: Iterable[str]) -> x509.KeyUsage:
    """The extension of RFC 5280 section 4.2.1.3 from names such as ``digitalSignature``.

    Raises:
        InvalidArgument: a name is unknown, or the combination is not allowed.
    """
    return _key_usage(_as_tuple("key_usage", names))


def extended_key_usage(names: Iterable[str]) -> x509.ExtendedKeyUsage:
    """The extension of RFC 5280 section 4.2.1.12 from names such as ``clientAuth``, or dotted OIDs.

    Raises:
        InvalidArgument: a name is neither known nor an OID.
    """
    return _extended_key_usage(_as_tuple("extended_key_usage", names))


def _as_tuple(argument: str, names: Iterable[str]) -> tuple[str, ...]:
    usages = (names,) if isinstance(names, str) else tuple(names)
    if not usages:
        raise InvalidArgument(f"{argument} is empty, which RFC 5280 forbids; None leaves the extension out.")
    return usages


@lru_cache(maxsize=64)
def _key_usage(names: tuple[str, ...]) -> x509.KeyUsage:
    for name in names:
        if name not in _KEY_USAGES:
            raise InvalidArgument.not_one_of("key_usage", name, _KEY_USAGES)
    wanted = {_KEY_USAGES[name] for name in names}
    try:
        return x509.KeyUsage(**{bit: bit in wanted for bit in _KEY_USAGES.values()})
    except ValueError as problem:
        raise InvalidArgument(f"key_usage={names!r} is not allowed: {problem}.") from None


@lru_cache(maxsize=64)
def _extended_key_usage(names: tuple[str, ...]) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([_purpose(name) for name in names])


def _purpose(name: str) -> x509.ObjectIdentifier:
    if name in _EXTENDED_KEY_USAGES:
        return x509.ObjectIdentifier(_EXTENDED_KEY_USAGES[name])
    if isinstance(name, str) and _DOTTED.fullmatch(name):
        try:
            return x509.ObjectIdentifier(name)
        except ValueError:
            pass
    raise InvalidArgument.not_one_of("extended_key_usage", name, [*_EXTENDED_KEY_USAGES, "a dotted OID"])


def key_usage_names(extension: x509.KeyUsage) -> tuple[str, ...]:
    """The names that :func:`key_usage` takes."""
    bits = {bit: name for name, bit in _KEY_USAGES.items() if name != "contentCommitment"}
    if not extension.key_agreement:  # the last two mean something with that bit only, and cannot be asked without
        bits = {bit: name for bit, name in bits.items() if bit not in ("encipher_only", "decipher_only")}
    return tuple(name for bit, name in bits.items() if getattr(extension, bit))


def extended_key_usage_names(extension: x509.ExtendedKeyUsage) -> tuple[str, ...]:
    """The names that :func:`extended_key_usage` takes."""
    names = {oid: name for name, oid in _EXTENDED_KEY_USAGES.items()}
    return tuple(names.get(each.dotted_string, each.dotted_string) for each in extension)
