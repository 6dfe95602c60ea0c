"""From what a user gives for a file to what nginx finds in it: an authority, PEM, a path, or any bytes at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pytest_mtls.arguments import Verbatim
from pytest_mtls.errors import InvalidArgument, KeyMismatch
from pytest_mtls.nginx.spec import ABSENT, FileContent
from pytest_mtls.pki.trustme import native
from pytest_mtls.secret import Secret

_TICKET_KEY_SIZES: Final = (48, 80)


def authorities(value: object, argument: str) -> FileContent | None:
    """Certificates for nginx to read: of an authority, of several, PEM bytes, the path of a PEM file, or as they are.

    An authority stands for its own certificate alone: nginx knows no partial chains, so an intermediate needs its root
    named beside it, and then everything under the root is trusted too.

    Raises:
        InvalidPem: there is no certificate in it.
        InvalidArgument: it is something else, or the file cannot be read.
    """
    if value is None:
        return None
    return _verbatim(value) if isinstance(value, Verbatim) else _certificates(value, argument)


def crl(value: object, issuers: Any, *, of: str) -> FileContent | None:
    """Revocation lists: PEM bytes, a path, as they are, or ``True`` for those of ``issuers``.

    Args:
        value: what was given.
        issuers: an authority, or several.
        of: the argument that names the issuers.

    Raises:
        InvalidPem: there is no CRL in it.
        InvalidArgument: it is something else, or the file cannot be read.
    """
    if value is None or value is False:
        return None
    if isinstance(value, Verbatim):
        return _verbatim(value)
    if value is not True:
        from pytest_mtls.pki.pem import load_crls

        content = _content(value, "crl")
        load_crls(content, "crl")
        return content
    several = issuers if isinstance(issuers, Sequence) and not isinstance(issuers, str | bytes) else (issuers,)
    several = [native(each) for each in several]
    if not all(hasattr(each, "crl_bundle") for each in several):
        raise InvalidArgument(
            f"crl=True needs {of} to be an authority, which can make its CRL; give the CRL as PEM instead."
        )
    return b"".join(each.crl_bundle() for each in several)


def identity(value: Any, argument: str) -> tuple[FileContent, FileContent]:
    """A certificate with its chain, and its private key: of a credential, or as they are.

    Args:
        value: a ``Credential``; a :class:`Verbatim` that holds both; or two of them, certificate and key.
        argument: its name.

    Raises:
        KeyMismatch: a credential has the key of another certificate.
        InvalidArgument: it is something else.
    """
    if isinstance(value, Verbatim):
        return _verbatim(value), _verbatim(value)
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, Verbatim) for each in value):
        return _verbatim(value[0]), _verbatim(value[1])
    value = native(value)
    if not hasattr(value, "private_key_pem"):
        given = f", {len(value)} bytes," if isinstance(value, bytes) else f"={value!r}"
        raise InvalidArgument(
            f"{argument}{given} is no Credential. Use ca.issue_server(...) or ca.issue_client(...); "
            "for content of your own (Verbatim(certificate), Verbatim(key))."
        )
    if not value.matches_key:
        raise KeyMismatch(
            f"{argument}: its private key belongs to another certificate, and nginx would not start with the two."
        )
    return value.chain_pem, value.private_key_pem


def ticket_keys(value: object) -> tuple[FileContent, ...]:
    """Keys for ``ssl_session_ticket_key``, one or several: bytes, paths, or as they are.

    Raises:
        InvalidArgument: one has a length that nginx does not take, or cannot be read.
    """
    if value is None:
        return ()
    several = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
    return tuple(_verbatim(each) if isinstance(each, Verbatim) else _ticket_key(each) for each in several)


def _ticket_key(value: object) -> bytes:
    key = Secret(_content(value, "session_ticket_key"))
    if len(key) not in _TICKET_KEY_SIZES:
        raise InvalidArgument(
            f"session_ticket_key: {len(key)} bytes, and nginx takes 48 or 80 (ngx_ssl_session_ticket_keys)."
        )
    return key


def _verbatim(value: Verbatim) -> FileContent:
    return ABSENT if value.content is None else value.content


def _certificates(value: object, argument: str) -> bytes:
    from pytest_mtls.pki.pem import load_certificates

    if (pem := getattr(native(value), "certificate_pem", None)) is not None:
        return bytes(pem)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return b"".join(_certificates(each, argument) for each in value)
    content = _content(value, argument)
    load_certificates(content, argument)
    return content if content.endswith(b"\n") else content + b"\n"


def _content(value: object, argument: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and "-----" in value:
        return value.encode()
    if isinstance(value, str | os.PathLike):
        try:
            return Path(value).read_bytes()
        except (OSError, ValueError) as error:  # a NUL byte in a path is a ValueError
            said = getattr(error, "strerror", None) or error
            raise InvalidArgument(f"{argument}: cannot read {str(value)!r}: {said}.") from error
    raise InvalidArgument(f"{argument}={value!r} is a {type(value).__name__}; give bytes or the path of a file.")
