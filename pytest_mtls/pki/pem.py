"""Reading PEM strictly (RFC 7468), and saying what was found where something else was expected."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from pytest_mtls.errors import InvalidPem
from pytest_mtls.pki import der
from pytest_mtls.pki.keys import PrivateKey
from pytest_mtls.secret import Secret

PemSource = bytes | str | os.PathLike[str]
"""PEM as bytes or text, or the path of a file that holds it (a ``pathlib.Path``: text is taken for PEM itself)."""

_DAMAGED = (ValueError, x509.InvalidVersion)
_BOUNDARY = re.compile(rb"^-----(BEGIN|END) ([^-\r\n]+)-----[ \t]*\r?$", re.MULTILINE)


def load_certificates(source: PemSource, what: str = "certificate chain") -> tuple[x509.Certificate, ...]:
    """Every certificate of a PEM text, in its order; keys beside them are passed over.

    Raises:
        InvalidPem: there is none, or one of them is damaged. The message says what was found instead.
        OSError: the file cannot be read.
    """
    data, origin = _content(source, what)
    blocks = list(_blocks(data, origin))
    found = tuple(_certificate(body, origin) for label, body in blocks if label in ("CERTIFICATE", "X509 CERTIFICATE"))
    if not found:
        raise InvalidPem(f"{origin} {_found_instead(blocks)}; a certificate in PEM is needed.")
    return found


def load_private_key(source: PemSource, password: str | bytes | None = None, what: str = "private key") -> PrivateKey:
    """The one private key of a PEM text; certificates beside it are passed over, as is a password that is not needed.

    Raises:
        InvalidPem: there is none or several, it is damaged, needs a password, or has another one.
        OSError: the file cannot be read.
    """
    data, origin = _content(source, what)
    blocks = list(_blocks(data, origin))
    keys = [label for label, _ in blocks if label.endswith("PRIVATE KEY")]
    if not keys:
        raise InvalidPem(f"{origin} {_found_instead(blocks)}; a private key in PEM is needed.")
    if len(keys) > 1:
        raise InvalidPem(f"{origin} holds {len(keys)} private keys; exactly one is needed.")
    return _private_key(_block_text(data, keys[0]), password, origin)


def load_csr(source: PemSource, what: str = "certificate signing request") -> x509.CertificateSigningRequest:
    """The one certificate signing request (RFC 2986) of a PEM text, or in DER: devices write either.

    Raises:
        InvalidPem: there is none or several, or it is damaged.
        OSError: the file cannot be read.
    """
    data, origin = _content(source, what)
    if is_der(data):
        try:
            return x509.load_der_x509_csr(data)
        except ValueError:
            raise InvalidPem(
                f"{origin} is DER, but not a certificate signing request (RFC 2986), or damaged."
            ) from None
    blocks = list(_blocks(data, origin))
    requests = [body for label, body in blocks if label.endswith("CERTIFICATE REQUEST")]
    if len(requests) != 1:
        found = f"holds {len(requests)} requests" if requests else _found_instead(blocks)
        raise InvalidPem(f"{origin} {found}; exactly one certificate signing request is needed.")
    try:
        request = x509.load_der_x509_csr(requests[0])
        _ = request.subject
        return request
    except _DAMAGED as problem:
        raise InvalidPem(f"{origin} holds a damaged certificate signing request: {problem}.") from None


def load_crls(
    source: PemSource, what: str = "certificate revocation list"
) -> tuple[x509.CertificateRevocationList, ...]:
    """Every certificate revocation list (RFC 5280 section 5) of a PEM text, in its order.

    Raises:
        InvalidPem: there is none, or one of them is damaged.
        OSError: the file cannot be read.
    """
    data, origin = _content(source, what)
    blocks = list(_blocks(data, origin))
    bodies = [body for label, body in blocks if label == "X509 CRL"]
    if not bodies:
        raise InvalidPem(f"{origin} {_found_instead(blocks)}; a CRL in PEM is needed.")
    try:
        crls = tuple(x509.load_der_x509_crl(body) for body in bodies)
        _ = [(crl.issuer, crl.last_update_utc) for crl in crls]
        return crls
    except _DAMAGED as problem:
        raise InvalidPem(f"{origin} holds a damaged CRL: {problem}.") from None


def is_der(data: bytes) -> bool:
    """Whether it starts as a DER SEQUENCE does, and has nothing of PEM."""
    return data[:1] == b"\x30" and b"-----BEGIN" not in data


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """One certificate as PEM, with a newline at the end."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def block(label: str, body: bytes) -> bytes:
    """DER as a PEM block of that label."""
    text = base64.b64encode(body)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    name = label.encode()
    return b"\n".join([b"-----BEGIN " + name + b"-----", *lines, b"-----END " + name + b"-----", b""])


def _content(source: PemSource, what: str) -> tuple[bytes, str]:
    """The bytes, which may be a key wherever something else was meant, and what to call them in an error."""
    if isinstance(source, os.PathLike):
        path = Path(source)
        return Secret(path.read_bytes()), f"the {what} {str(path)!r}"
    if isinstance(source, str):
        if source and "\n" not in source and "-----" not in source:
            raise InvalidPem(f"the {what} {source!r} looks like a path; give pathlib.Path(...) to have it read.")
        return Secret(source.encode()), f"the {what}"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Secret(source), f"the {what}"
    raise InvalidPem(f"the {what} is a {type(source).__name__}; give PEM as bytes or text, or a pathlib.Path.")


def _blocks(data: bytes, origin: str) -> Iterator[tuple[str, bytes]]:
    """Label and content of each block; text around them is allowed (RFC 7468 section 2)."""
    if not data.strip():
        raise InvalidPem(f"{origin} is empty.")
    boundaries = list(_BOUNDARY.finditer(data))
    if not boundaries:
        raise InvalidPem(f"{origin} {_without_pem(data)}.")
    for begin, end in zip(boundaries[::2], [*boundaries[1::2], None], strict=False):
        label = begin[2].decode("ascii", "replace")
        if begin[1] != b"BEGIN" or end is None or end[1] != b"END" or end[2] != begin[2]:
            raise InvalidPem(
                f"{origin} is malformed: {begin[0].decode('ascii', 'replace').strip()} has no counterpart."
            )
        text: bytes = Secret(data[begin.end() : end.start()])
        # Headers, as in an encrypted key of the old kind, only cryptography can make use of.
        yield label, b"" if b":" in text else _decode(text, label, origin)


def _decode(text: bytes, label: str, origin: str) -> bytes:
    try:
        return Secret(base64.b64decode(b"".join(text.split()), validate=True))
    except binascii.Error as problem:
        raise InvalidPem(f"{origin} is malformed: its {label} block is not base64 ({problem}).") from None


def _block_text(data: bytes, label: str) -> bytes:
    name = re.escape(label.encode())
    match = re.search(b"-----BEGIN " + name + b"-----.*?-----END " + name + b"-----", data, re.DOTALL)
    assert match, "the block was found before"
    return Secret(match[0] + b"\n")


def _certificate(body: bytes, origin: str) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(body)
        # cryptography reads names when they are first asked for, and everything here goes by them.
        _ = certificate.subject, certificate.issuer, certificate.serial_number
        return certificate
    except _DAMAGED as problem:
        raise InvalidPem(f"{origin} holds a damaged certificate: {problem}.") from None


def _private_key(text: bytes, password: str | bytes | None, origin: str) -> PrivateKey:
    secret = password.encode() if isinstance(password, str) else password
    encrypted = b"ENCRYPTED" in text.split(b"\n\n")[0]
    if encrypted and not secret:
        raise InvalidPem(f"{origin} is encrypted and needs a password: password=..., or --passphrase-file.")
    try:
        key = serialization.load_pem_private_key(text, secret if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        what = (
            "the password is wrong, or it is damaged"
            if encrypted
            else f"it is damaged or of an unknown kind: {problem}"
        )
        raise InvalidPem(f"{origin} cannot be loaded: {what}.") from None
    if not isinstance(key, PrivateKey):
        raise InvalidPem(f"{origin} is a {type(key).__name__}, which does not sign; RSA, EC, EdDSA and DSA keys do.")
    return key


def _found_instead(blocks: list[tuple[str, bytes]]) -> str:
    labels = sorted({label for label, _ in blocks})
    if all(label.endswith("PRIVATE KEY") for label in labels):
        return "holds only a private key"
    if all(label.endswith("CERTIFICATE") for label in labels):
        return "holds only " + ("a certificate" if len(blocks) == 1 else "certificates") + f" ({', '.join(labels)})"
    return f"holds only {', '.join(labels)}"


def _without_pem(data: bytes) -> str:
    try:
        outer = der.read(data)
        inner = outer.children()
    except ValueError:
        outer, inner = None, ()
    if outer is not None and outer.tag == der.SEQUENCE:
        if inner and inner[0].encoded == b"\x02\x01\x03":
            return "is PKCS#12, not PEM; 'openssl pkcs12 -in FILE -nodes' converts it"
        return "is DER, not PEM; 'openssl x509 -inform DER' (or 'openssl pkey -inform DER') converts it"
    return f"is not PEM: it has no BEGIN line, and starts with {data[:20]!r}"
