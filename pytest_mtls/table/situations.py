"""The situations a server can be in when somebody shows it a credential: arguments of the server, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.arguments import Ocsp
from pytest_mtls.nginx.spec import VerifyMode
from pytest_mtls.pki.states import CredentialState

if TYPE_CHECKING:
    from pytest_mtls.pki.states import Credentials

_DAY: Final = timedelta(days=1)
_Make = Callable[["Credentials"], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ServerSituation:
    """One way to set a server up.

    Attributes:
        name: an identifier, such as ``depth-0-crl``.
        description: a phrase for a human.
        make: the server's arguments, for the cast that is to be shown to it.
        modes: the verify modes that nginx takes it in.
    """

    name: str
    description: str
    make: _Make
    modes: tuple[VerifyMode, ...] = tuple(VerifyMode)


def _fixed(name: str, description: str, **arguments: Any) -> ServerSituation:
    return ServerSituation(name, description, lambda cast: arguments)


def _ocsp(name: str, description: str, behaviour: str, **options: Any) -> ServerSituation:
    def make(cast: Credentials) -> Mapping[str, Any]:
        return {"ocsp": Ocsp(cast.authority.ocsp_responder(behaviour=behaviour), **options)}

    # nginx refuses ssl_ocsp beside optional_no_ca (ngx_http_ssl_merge_srv_conf).
    modes = tuple(mode for mode in VerifyMode if mode is not VerifyMode.OPTIONAL_NO_CA)
    return ServerSituation(name, description, make, modes)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _stranger() -> bytes:
    """A CA that has nothing to do with the cast."""
    from pytest_mtls.pki.authority import CertificateAuthority

    return CertificateAuthority("pytest-mtls other CA").certificate_pem


def _pinned(cast: Credentials) -> bytes:
    pinned = cast[CredentialState.PINNED_SELF_SIGNED]
    assert pinned is not None
    return cast.authority.certificate_pem + pinned.certificate_pem


_ALL: Final = (
    _fixed("plain", "nothing but the authority"),
    _fixed("crl", "the CRL of every CA", crl=True),
    ServerSituation(
        "crl-missing-root",
        "the CRL of every CA but the root",
        lambda cast: {"crl": cast.crl_bundle(without=[cast.authority])},
    ),
    ServerSituation(
        "crl-missing-intermediate",
        "the CRL of every CA but one intermediate",
        lambda cast: {"crl": cast.crl_bundle(without=[cast.intermediate])},
    ),
    ServerSituation(
        "crl-expired", "CRLs past their nextUpdate", lambda cast: {"crl": cast.crl_bundle(next_update=_now() - _DAY)}
    ),
    ServerSituation(
        "crl-not-yet-valid",
        "CRLs before their thisUpdate",
        lambda cast: {"crl": cast.crl_bundle(last_update=_now() + _DAY)},
    ),
    ServerSituation(
        "crl-stale-beside-fresh",
        "an expired CRL beside a current one of the same CA",
        lambda cast: {"crl": cast.crl_bundle(next_update=_now() - _DAY) + cast.crl_bundle()},
    ),
    _fixed("depth-0", "ssl_verify_depth 0", depth=0),
    _fixed("depth-2", "ssl_verify_depth 2", depth=2),
    _fixed("depth-3", "ssl_verify_depth 3", depth=3),
    _fixed("depth-0-crl", "ssl_verify_depth 0, the CRL of every CA", depth=0, crl=True),
    _fixed("depth-3-crl", "ssl_verify_depth 3, the CRL of every CA", depth=3, crl=True),
    ServerSituation(
        "trusted-only",
        "the authority in ssl_trusted_certificate only",
        lambda cast: {"client_ca": _stranger(), "trusted_ca": cast.authority},
    ),
    ServerSituation(
        "intermediate-only", "an intermediate without its root", lambda cast: {"client_ca": cast.intermediate}
    ),
    ServerSituation(
        "intermediate-and-root",
        "an intermediate, its root in ssl_trusted_certificate",
        lambda cast: {"client_ca": cast.intermediate, "trusted_ca": cast.authority},
    ),
    ServerSituation("expired-root", "a root that has expired as well", lambda cast: {"client_ca": cast.trust_pem}),
    ServerSituation("pinned", "a self-signed certificate as well", lambda cast: {"client_ca": _pinned(cast)}),
    ServerSituation(
        "pinned-crl",
        "a self-signed certificate as well, the CRL of every CA",
        lambda cast: {"client_ca": _pinned(cast), "crl": cast.crl_bundle()},
    ),
    _ocsp("ocsp", "asks about the leaf, and is told the truth", "honest"),
    _ocsp("ocsp-chain", "asks about the chain, and is told the truth", "honest", scope="on"),
    _ocsp("ocsp-revoked", "asks, and all are said to be revoked", "revoked"),
    _ocsp("ocsp-unknown", "asks, and nobody is known", "unknown"),
    _ocsp("ocsp-stale", "asks, and the answer is of the day before yesterday", "stale"),
    _ocsp("ocsp-down", "asks, and nobody listens", "down"),
    _fixed("http2", "HTTP/2", http2=True),
    _fixed("stream", "a stream server", protocol="stream"),
    _fixed("stream-crl", "a stream server, the CRL of every CA", protocol="stream", crl=True),
)

SITUATIONS: Final[Mapping[str, ServerSituation]] = MappingProxyType({each.name: each for each in _ALL})

TRANSPORTS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {"http2": {"http2": True}, "stream": {"protocol": "stream"}}
)
"""What a situation can be combined with, as in ``crl@stream``; without, it is HTTP/1.1."""


def named(name: str) -> ServerSituation:
    """The situation of that name, which may end in ``@`` and a transport.

    Raises:
        KeyError: there is none.
    """
    base, at, transport = name.partition("@")
    if not at:
        return SITUATIONS[base]
    situation, further = SITUATIONS[base], TRANSPORTS[transport]
    return replace(
        situation,
        name=name,
        description=f"{situation.description}; {transport}",
        make=lambda cast: {**situation.make(cast), **further},
    )


def every_combination() -> list[str]:
    """The name of each situation with each transport."""
    alone = [name for name in SITUATIONS if name not in TRANSPORTS and name != "stream-crl"]
    return [*alone, *(f"{name}@{transport}" for transport in TRANSPORTS for name in alone)]
