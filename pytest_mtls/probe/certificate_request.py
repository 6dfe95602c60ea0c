"""What a server says in its CertificateRequest: the names of the CAs it would like a certificate from.

Only a hint: a client may send any certificate, and OpenSSL's does; others send none that is not listed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pytest_mtls.pki.names import nginx_dn_from_der

_HEADER: Final = 4  # message type, three bytes of length
_CERTIFICATE_AUTHORITIES: Final = 47


@lru_cache(maxsize=64)
def accepted_cas(message: bytes, tls_version: str | None) -> tuple[str, ...]:
    """The subjects in a CertificateRequest, spelled as nginx spells them.

    Args:
        message: the handshake message (RFC 8446 section 4.3.2, RFC 5246 section 7.4.4).
        tls_version: ``"1.2"`` or ``"1.3"``.
    """
    return tuple(map(_spelled, authority_names(message, tls_version)))


def _spelled(name: bytes) -> str:
    """What is no name is written as RFC 4514 writes a value of unknown kind."""
    try:
        return nginx_dn_from_der(name)
    except ValueError:
        return f"#{name.hex().upper()}"


@lru_cache(maxsize=64)
def authority_names(message: bytes, tls_version: str | None) -> tuple[bytes, ...]:
    """The same, as DER; arguments as for :func:`accepted_cas`."""
    body = message[_HEADER:]
    names = _names_in_tls13(body) if tls_version == "1.3" else _names_in_tls12(body)
    found = []
    while len(names) >= 2:
        size = int.from_bytes(names[:2], "big")
        found.append(names[2 : 2 + size])
        names = names[2 + size :]
    return tuple(found)


def _names_in_tls13(body: bytes) -> bytes:
    extensions = _vector(_after(body, 1), 2)
    while len(extensions) >= 4:
        kind = int.from_bytes(extensions[:2], "big")
        content = _vector(extensions[2:], 2)
        if kind == _CERTIFICATE_AUTHORITIES:
            return _vector(content, 2)
        extensions = extensions[4 + len(content) :]
    return b""


def _names_in_tls12(body: bytes) -> bytes:
    rest = _after(body, 1)  # the certificate types
    rest = _after(rest, 2)  # the signature algorithms
    return _vector(rest, 2)


def _after(data: bytes, width: int) -> bytes:
    return data[width + len(_vector(data, width)) :]


def _vector(data: bytes, width: int) -> bytes:
    return data[width : width + int.from_bytes(data[:width], "big")]
