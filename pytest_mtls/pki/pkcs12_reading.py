"""Reading PKCS #12 (RFC 7292), and saying what was found where something else was expected."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs12

from pytest_mtls.errors import InvalidPkcs12
from pytest_mtls.pki.keys import PrivateKey
from pytest_mtls.secret import Secret


def load_pkcs12(
    source: bytes | os.PathLike[str], password: str | bytes | None
) -> tuple[x509.Certificate, PrivateKey, tuple[x509.Certificate, ...]]:
    """Certificate, private key and further certificates.

    Args:
        source: the bytes, or a ``pathlib.Path``.
        password: what it is encrypted with, if it is.

    Raises:
        InvalidPkcs12: it is none, it is damaged, the password is another one, or certificate or key are missing.
        OSError: the file cannot be read.
    """
    data, origin = _content(source)
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, _secret(password))
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise InvalidPkcs12(f"{origin} cannot be opened: {_why(data, password, problem)}.") from None
    if certificate is None or not isinstance(key, PrivateKey):
        lacks = "certificate for its key" if certificate is None else "private key that signs"
        raise InvalidPkcs12(f"{origin} has no {lacks}; `openssl pkcs12 -info -noout -in FILE` lists what it has.")
    return certificate, key, tuple(others)


def _content(source: bytes | os.PathLike[str]) -> tuple[bytes, str]:
    if isinstance(source, os.PathLike):
        return Secret(Path(source).read_bytes()), f"the PKCS #12 file {str(Path(source))!r}"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Secret(source), "the PKCS #12 file"
    raise InvalidPkcs12(f"the PKCS #12 file is a {type(source).__name__}; give its bytes, or a pathlib.Path.")


def _secret(password: str | bytes | None) -> bytes | None:
    return None if password is None else Secret(password.encode() if isinstance(password, str) else password)


def _why(data: bytes, password: str | bytes | None, problem: Exception) -> str:
    if data.lstrip()[:5] == b"-----":
        return "it is PEM; from_pem() reads that"
    if isinstance(problem, UnsupportedAlgorithm):
        return f"it is encrypted in a way that is not known here ({problem})"
    if "assword" not in str(problem):
        return f"it is damaged, or something else ({problem})"
    return "the password is wrong, or it is damaged" if password else "it is encrypted and needs a password"
