"""What stands in the places of certificates, keys and passwords that a configuration names."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.arguments import Verbatim
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.bundle import BundleFile
from pytest_mtls.own_config.source import Directive

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential

_SERVER_SIDE: Final = (
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_client_certificate",
    "ssl_trusted_certificate",
    "ssl_crl",
    "ssl_session_ticket_key",
    "ssl_password_file",
    "ssl_dhparam",
)
_CLIENT_SIDE: Final = (
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_trusted_certificate",
    "ssl_crl",
    "ssl_password_file",
)
MINTED: Final = frozenset(
    {
        *_SERVER_SIDE,
        *(f"{module}_{name}" for module in ("proxy", "grpc", "uwsgi") for name in _CLIENT_SIDE),
        "auth_basic_user_file",
    }
)
PASSWORD: Final = "test"
"""Of the one user, of that name, in a minted ``auth_basic_user_file``."""

_SECRET: Final = ("_key", "password_file", "user_file")


@dataclass(frozen=True, slots=True)
class Minted:
    """One file."""

    name: str
    file: BundleFile
    what: str


@dataclass(slots=True)
class Mint:
    """Makes them, each once.

    Attributes:
        files: the user's own, by the path as it is written.
        client_ca: the test CA, PEM.
        full_crl: the CRLs of its chain, PEM.
        server_credential: for some names.
        client_credential: what nginx presents to an upstream.
    """

    files: Mapping[str, Any]
    client_ca: Callable[[], bytes]
    full_crl: Callable[[], bytes]
    server_credential: Callable[[tuple[str, ...]], Credential]
    client_credential: Callable[[], Credential]
    made: dict[tuple[str, str, tuple[str, ...]], Minted] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def file(self, directive: Directive, written: str, names: tuple[str, ...]) -> Minted:
        """The file for one place.

        Args:
            directive: that names it.
            written: how.
            names: of the server it belongs to.

        Raises:
            InvalidArgument: the user's own cannot be read.
        """
        key = (directive.name, written, names)
        if key not in self.made:
            content, what = self._content(directive.name, written, names)
            plain = "".join(each if each.isalnum() or each in "._-" else "_" for each in Path(written).name) or "file"
            file = BundleFile(content, directive.name.endswith(_SECRET), directive.name.endswith("user_file"))
            self.made[key] = Minted(f"minted/{len(self.made)}-{plain}", file, what)
        return self.made[key]

    def _content(self, name: str, written: str, names: tuple[str, ...]) -> tuple[bytes, str]:
        if written in self.files:
            self.used.add(written)
            return _given(self.files[written], name, written), "your own file"
        side = name.partition("_")[0]
        kind = name if side in ("ssl", "auth") else name.partition("_")[2]
        if kind in ("ssl_certificate", "ssl_certificate_key"):
            credential = self.server_credential(names) if side == "ssl" else self.client_credential()
            content = credential.chain_pem if kind == "ssl_certificate" else credential.private_key_pem
            whose = f"a certificate for {', '.join(names)}" if side == "ssl" else "a client certificate"
            return content, f"{whose} of the test CA" if kind == "ssl_certificate" else f"the key of {whose}"
        if kind in ("ssl_client_certificate", "ssl_trusted_certificate"):
            return self.client_ca(), "the test CA"
        if kind == "ssl_crl":
            return self.full_crl(), "the CRLs of the test CA"
        if kind == "ssl_session_ticket_key":
            # The same for the same path: equal arguments ask for an equal server.
            return hashlib.shake_256(written.encode()).digest(80), "a ticket key that is no secret"
        if kind == "ssl_dhparam":
            return _ffdhe2048(), "ffdhe2048 (RFC 7919)"
        if kind == "ssl_password_file":
            return b"unused\n", "a line that nobody asks for: minted keys are not encrypted"
        return f"{PASSWORD}:{{PLAIN}}{PASSWORD}\n".encode(), f"one user, {PASSWORD!r} with password {PASSWORD!r}"


def _given(value: Any, name: str, written: str) -> bytes:
    where = f"files[{written!r}]"
    if isinstance(value, Verbatim):
        value = value.content
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple | list):
        return b"".join(_given(each, name, written) for each in value)
    if name.endswith("ssl_crl") and hasattr(value, "crl_bundle"):
        return bytes(value.crl_bundle())
    attribute = "private_key_pem" if name.endswith("_key") else "chain_pem" if name.endswith("ssl_certificate") else ""
    pem = getattr(value, attribute, None) if attribute else getattr(value, "certificate_pem", None)
    if isinstance(pem, bytes):
        return pem
    if isinstance(value, str | os.PathLike):
        try:
            return Path(value).read_bytes()
        except (OSError, ValueError) as error:  # a NUL byte in a path is a ValueError
            said = getattr(error, "strerror", None) or error
            raise InvalidArgument(f"{where}: cannot read {str(value)!r}: {said}.") from error
    raise InvalidArgument(
        f"{where} is a {type(value).__name__}; give bytes, the path of a file, a Credential, a CertificateAuthority, "
        "or several of them as a tuple."
    )


@lru_cache(maxsize=1)
def _ffdhe2048() -> bytes:
    # RFC 7919 appendix A.1: p = 2^2048 - 2^1984 + {[2^1918 * e] + 560316} * 2^64 - 1.
    euler, term, number = 0, 1 << 2100, 0
    while term:
        euler, number = euler + term, number + 1
        term //= number
    prime = 2**2048 - 2**1984 + ((euler >> (2100 - 1918)) + 560316) * 2**64 - 1
    # PKCS#3 DHParameter: SEQUENCE { prime INTEGER, base INTEGER }. cryptography gives up finite fields.
    integers = b"\x02\x82\x01\x01\x00" + prime.to_bytes(256, "big") + b"\x02\x01\x02"
    encoded = base64.encodebytes(b"\x30\x82" + len(integers).to_bytes(2, "big") + integers)
    return b"-----BEGIN DH PARAMETERS-----\n" + encoded + b"-----END DH PARAMETERS-----\n"
