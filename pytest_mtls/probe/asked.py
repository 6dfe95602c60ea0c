"""How a connection is to be made, checked; and the same in words, for whoever reads about it later."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from pytest_mtls.engines.protocol import Address, Listener
from pytest_mtls.errors import InvalidArgument, Unavailable
from pytest_mtls.nginx.spec import TLS_VERSIONS, Protocol
from pytest_mtls.outcome import Story
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.trustme import TrustmeLeafCert, native
from pytest_mtls.probe.session import Session
from pytest_mtls.resolution import tls_versions

_HIGHEST_LEVEL: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a connection is to be made.

    Attributes:
        credential: what to present, if anything.
        tls: the versions to offer.
        server_name: as it was given; what is sent of it is :attr:`sni`.
        session: to resume.
        http2: whether to offer HTTP/2.
        protocol: the server's.
        plain: speak no TLS.
        plain_port: to which port, where that is not the server's own.
        security_level: OpenSSL's, of the client.
        obeys_ca_hints: present the credential only where the server's list of CAs is empty or names an issuer of it.
        signature_algorithms: those the client may sign with; empty leaves OpenSSL's own.
    """

    credential: Credential | None
    tls: tuple[str, ...]
    server_name: str | None
    session: Session | None
    http2: bool
    protocol: Protocol
    plain: bool
    plain_port: int | None
    security_level: int
    obeys_ca_hints: bool
    signature_algorithms: tuple[str, ...]

    @classmethod
    def checked(
        cls,
        *,
        credential: Credential | TrustmeLeafCert | None,
        tls: str | Iterable[str] | None,
        server_name: str | None,
        session: Session | None,
        http2: bool | None,
        protocol: Protocol,
        serves_http2: bool,
        plain: bool | int,
        security_level: int,
        obeys_ca_hints: bool,
        signature_algorithms: str | Iterable[str],
    ) -> Asked:
        """The same, with every value looked at.

        Raises:
            InvalidArgument: one of them cannot be sent, or two contradict each other.
            Unavailable: this Python cannot choose signature algorithms.
        """
        credential = native(credential)
        if credential is not None and not isinstance(credential, Credential):
            raise InvalidArgument(
                f"credential={credential!r} is no Credential; mtls_ca.issue_client('name') makes one."
            )
        if session is not None and not isinstance(session, Session):
            raise InvalidArgument(
                f"session={session!r} is no Session; take the one of a former outcome: outcome.session."
            )
        if server_name is not None:
            _check_server_name(server_name)
        _check_plain(plain)
        _check_flag("obeys_ca_hints", obeys_ca_hints)
        _check_level(security_level)
        algorithms = _algorithms(signature_algorithms)
        if plain:
            given = {
                "credential": credential,
                "tls": tls,
                "server_name": server_name,
                "session": session,
                "http2": http2,
                "security_level": security_level,
                "obeys_ca_hints": obeys_ca_hints,
                "signature_algorithms": algorithms,
            }
            _refuse_with_plain([name for name, value in given.items() if value])
        return cls(
            credential=credential,
            tls=TLS_VERSIONS if tls is None else tls_versions(tls),
            server_name=server_name,
            session=session,
            http2=plain is False and (serves_http2 if http2 is None else http2),
            protocol=protocol,
            plain=plain is not False,
            plain_port=None if isinstance(plain, bool) else plain,
            security_level=security_level,
            obeys_ca_hints=obeys_ca_hints,
            signature_algorithms=algorithms,
        )

    def target(self, listener: Listener) -> tuple[Address, str]:
        """The address to dial, and the URL that stands for it in an outcome's story."""
        dialled = listener.direct or listener.public
        if self.plain_port is not None:
            dialled = Address(dialled.host, self.plain_port)
            return dialled, f"http://{dialled}"
        return dialled, f"{'http' if self.plain else 'https'}://localhost:{listener.public.port}"

    @property
    def sni(self) -> str | None:
        """What is sent as server name: no IP address (RFC 6066 section 3), so nginx takes its default server."""
        return None if self.server_name is None or _is_address(self.server_name) else self.server_name


@lru_cache(maxsize=256)
def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _check_server_name(name: str) -> None:
    try:
        name.encode("idna")
        if not name or name.startswith(".") or "\0" in name:
            raise UnicodeError("it is empty, starts with a dot or holds a NUL byte")
    except (UnicodeError, AttributeError) as error:
        raise InvalidArgument(
            f"server_name={name!r} cannot be sent as SNI ({error}); give a host name, or None to send none."
        ) from error


def _check_flag(argument: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidArgument.not_one_of(argument, value, (True, False))


def _check_plain(plain: object) -> None:
    if not isinstance(plain, int) or not (isinstance(plain, bool) or 1 <= plain <= 65535):
        raise InvalidArgument(
            f"plain={plain!r} is neither True nor False nor the port of a plain listener (directives='listen PORT;')."
        )


def _check_level(level: object) -> None:
    if not isinstance(level, int) or isinstance(level, bool) or not 0 <= level <= _HIGHEST_LEVEL:
        raise InvalidArgument(
            f"security_level={level!r} is none of OpenSSL's: 0 (sends anything) to {_HIGHEST_LEVEL}; "
            "see SSL_CTX_set_security_level(3)."
        )


def _algorithms(given: str | Iterable[str]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else (given,)
    if not names:
        return ()
    if not all(isinstance(name, str) for name in names):
        raise InvalidArgument(f"signature_algorithms={given!r} are no names, such as 'ecdsa_secp256r1_sha256'.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    choose = getattr(context, "set_client_sigalgs", None)
    if choose is None:
        version = ".".join(map(str, sys.version_info[:3]))
        raise Unavailable(
            "signature_algorithms needs SSLContext.set_client_sigalgs(), which Python has since 3.15, and this is "
            f"{version}: nothing was sent. Run the test on a later Python, or leave the argument out."
        )
    try:
        choose(":".join(names))
    except (ssl.SSLError, TypeError) as error:
        raise InvalidArgument(
            f"signature_algorithms={names!r} is not understood ({error}); "
            "give names of RFC 8446 section 4.2.3 such as 'ecdsa_secp256r1_sha256'."
        ) from error
    return names


def _refuse_with_plain(given: list[str]) -> None:
    if given:
        raise InvalidArgument(
            f"plain=True speaks no TLS, so it does not go with {' and '.join(given)}; leave that out."
        )


def story_of(
    asked: Asked,
    *,
    url: str,
    mode: str,
    method: str,
    host: str | None,
    detail: str | None,
    withheld: bool = False,
) -> Story:
    return Story(
        url=url,
        method=method,
        server_name=asked.sni,
        host=host,
        credential=None if asked.credential is None else asked.credential.subject_dn,
        mode=mode,
        resumed_from=asked.session is not None,
        detail=detail,
        http=asked.protocol is Protocol.HTTP,
        tls=asked.tls,
        security_level=asked.security_level,
        files=None if asked.credential is None else asked.credential.name or str(asked.credential),
        plain=asked.plain,
        withheld=withheld,
    )
