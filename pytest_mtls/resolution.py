"""From arguments to a spec: every value checked, every file read, every default filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mtls import contents
from pytest_mtls.applications.interface import is_application
from pytest_mtls.arguments import UNSET, Ocsp, ServerArguments, TlsUpstream, VirtualServer
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx import text
from pytest_mtls.nginx.spec import (
    DEFAULT_FORWARD,
    TLS_VERSIONS,
    FileContent,
    OcspCheck,
    Protocol,
    ServerBlock,
    ServerSpec,
    UpstreamTls,
    VerifyMode,
)
from pytest_mtls.own_config import asked as own_config

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.ocsp import OcspResponder

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What arguments are resolved against.

    Attributes:
        client_ca: the default of ``client_ca``, PEM.
        full_crl: for ``crl=True`` with that default: the CRL of every CA of the chain, PEM.
        server_credential: mints one for some names, the same for the same names.
        ocsp_url: the address of an OCSP responder of this machine as nginx reaches it.
        client_credential: what nginx presents to upstreams where its configuration is the user's own.
        application: ``host:port`` of a WSGI or ASGI application of this process, as nginx reaches it.
        container: ``host:port`` of a container, from its name and the port within.
    """

    client_ca: Callable[[], bytes]
    full_crl: Callable[[], bytes]
    server_credential: Callable[[tuple[str, ...]], Credential]
    ocsp_url: Callable[[OcspResponder], str]
    client_credential: Callable[[], Credential]
    application: Callable[[Any], str]
    container: Callable[[str, int], str]


def check_values(arguments: ServerArguments) -> None:
    """Check what can be checked before there is a CA: at collection, so that a typo fails early.

    Raises:
        InvalidArgument: a value is not allowed.
    """
    verify_mode(_or(arguments.verify, VerifyMode.ON))
    _tls(_or(arguments.tls, TLS_VERSIONS))
    protocol = _member(Protocol, _or(arguments.protocol, Protocol.HTTP), "protocol")
    _depth(_or(arguments.depth, None))
    _boolean(_or(arguments.http2, False), "http2")
    _port(_or(arguments.port, 0))
    own_config.check(arguments)
    _server_names(_or(arguments.server_names, None))
    _lines(_or(arguments.http_directives, ()), "http_directives")
    _lines(_or(arguments.main_directives, ()), "main_directives")
    _clock(_or(arguments.clock, timedelta(0)))
    for given in (arguments, *(each.settings for each in _virtual_servers(_or(arguments.virtual_servers, ())))):
        if (cache := _or(given.session_cache, None)) is not None:
            text.session_cache(cache)
        _ocsp(_or(given.ocsp, None))
        _forward(_or(given.forward, None))
        _error_pages(_or(given.error_pages, None), protocol)
        _lines(_or(given.directives, ()), "directives")
        _default_location(_or(given.default_location, True), upstream=_or(given.upstream, None))


def resolve(arguments: ServerArguments, surroundings: Surroundings) -> ServerSpec:
    """The spec that these arguments ask for.

    Raises:
        InvalidArgument: a value is not allowed, or two contradict each other.
        InvalidPem: bytes or a file that should be PEM are not.
        KeyMismatch: ``server`` has the key of another certificate.
    """
    check_values(arguments)
    if _or(arguments.config, None) is not None:
        return own_config.resolve(arguments, surroundings)
    protocol = _member(Protocol, _or(arguments.protocol, Protocol.HTTP), "protocol")
    http2 = bool(_or(arguments.http2, False))
    if http2 and protocol is Protocol.STREAM:
        raise InvalidArgument("http2=True does not go with protocol='stream': HTTP/2 is a matter of the http module.")
    servers = each_server(arguments)
    return ServerSpec(
        blocks=tuple(_block(names, given, protocol, surroundings) for names, given in servers),
        protocol=protocol,
        http2=http2,
        port=_port(_or(arguments.port, 0)),
        http_directives=_lines(_or(arguments.http_directives, ()), "http_directives"),
        main_directives=_lines(_or(arguments.main_directives, ()), "main_directives"),
        clock=_clock(_or(arguments.clock, timedelta(0))),
    )


def each_server(arguments: ServerArguments) -> list[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Names and settings of each server on a listener, the default one first.

    Raises:
        InvalidArgument: names are given twice over.
    """
    listener = arguments.given()
    virtual = _virtual_servers(_or(arguments.virtual_servers, ()))
    if virtual and arguments.server_names is not UNSET:
        raise InvalidArgument("server_names does not go with virtual_servers: each VirtualServer has names of its own.")
    if virtual:
        return [(each.names, listener | each.settings.given()) for each in virtual]
    return [(_server_names(_or(arguments.server_names, None)), listener)]


def ocsp_of(given: Mapping[str, Any]) -> Ocsp | None:
    """How a server with those settings asks about clients' certificates."""
    return _ocsp(given.get("ocsp"))


def _block(
    names: tuple[str, ...], given: Mapping[str, Any], protocol: Protocol, surroundings: Surroundings
) -> ServerBlock:
    certificate, key = contents.identity(given.get("server") or surroundings.server_credential(names), "server")
    client_ca = given.get("client_ca", UNSET)
    verify = verify_mode(given.get("verify", VerifyMode.ON))
    return ServerBlock(
        names=names,
        certificate=certificate,
        key=key,
        verify=verify,
        client_ca=surroundings.client_ca() if client_ca is UNSET else contents.authorities(client_ca, "client_ca"),
        trusted_ca=contents.authorities(given.get("trusted_ca"), "trusted_ca"),
        crl=_crl(given.get("crl"), client_ca, surroundings),
        depth=_depth(given.get("depth")),
        tls=_tls(given.get("tls", TLS_VERSIONS)),
        session_cache=given.get("session_cache"),
        session_tickets=given.get("session_tickets"),
        session_ticket_keys=contents.ticket_keys(given.get("session_ticket_key")),
        upstream=_upstream(given.get("upstream"), protocol, surroundings),
        upstream_tls=_upstream_tls(given.get("upstream"), protocol, surroundings),
        forward=_forward(given.get("forward")),
        error_pages=_error_pages(given.get("error_pages"), protocol),
        ocsp=_ocsp_check(ocsp_of(given), surroundings),
        directives=_lines(given.get("directives", ()), "directives"),
        default_location=given.get("default_location", True),
    )


def _or(value: Any, default: Any) -> Any:
    return default if value is UNSET else value


def _member(kind: type[E], value: object, argument: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise InvalidArgument.not_one_of(argument, value, kind) from None


def verify_mode(value: object) -> VerifyMode:
    """A value of ``ssl_verify_client``.

    Raises:
        InvalidArgument: there is no such mode.
    """
    return _member(VerifyMode, value, "verify")


def _tls(value: object) -> tuple[str, ...] | None:
    return None if value is None else tls_versions(value)


def tls_versions(value: object) -> tuple[str, ...]:
    """One TLS version, or several, in ascending order.

    Raises:
        InvalidArgument: one is not supported.
    """
    versions = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    for version in versions:
        if version not in TLS_VERSIONS:
            raise InvalidArgument.not_one_of("tls", version, TLS_VERSIONS)
    if not versions:
        raise InvalidArgument("tls=() leaves no version to speak; give '1.2', '1.3' or both.")
    return tuple(sorted({str(version) for version in versions}))


def _depth(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise InvalidArgument(f"depth={value!r} is not a number of intermediates: 0 or more, or None for nginx's own (1).")


def _boolean(value: object, argument: str) -> None:
    if not isinstance(value, bool):
        raise InvalidArgument.not_one_of(argument, value, (True, False))


def _port(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535:
        return value
    raise InvalidArgument(f"port={value!r} is not a TCP port: 1 to 65535, or 0 for a free one.")


def _ocsp(value: object) -> Ocsp | None:
    return value if value is None or isinstance(value, Ocsp) else Ocsp(value)  # type: ignore[arg-type]


def _ocsp_check(asked: Ocsp | None, surroundings: Surroundings) -> OcspCheck | None:
    if asked is None:
        return None
    named = asked.responder
    # A responder is opened where nginx can reach it also where certificates name it and nginx.conf does not.
    url = named if named is None or isinstance(named, str) else surroundings.ocsp_url(named)
    return OcspCheck(scope=asked.scope, responder=None if asked.use_aia else url, cache=asked.cache)


def _server_names(value: object) -> tuple[str, ...]:
    given = ("localhost",) if value is None else value
    names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if not names:
        raise InvalidArgument("server_names=() leaves the server without a name; leave it out for 'localhost'.")
    return tuple(text.server_name(name) for name in names)


def _virtual_servers(value: object) -> tuple[VirtualServer, ...]:
    servers = tuple(value) if isinstance(value, Iterable) else (value,)
    for server in servers:
        if not isinstance(server, VirtualServer):
            raise InvalidArgument(f"virtual_servers: {server!r} is not a VirtualServer('name', verify=..., ...).")
    return servers


def _upstream(value: object, protocol: Protocol, surroundings: Surroundings) -> str | None:
    if value is None:
        return None
    by_tls = isinstance(value, TlsUpstream)
    target = value.target if isinstance(value, TlsUpstream) else value
    address = getattr(target, "upstream_url", target)
    scheme = "" if protocol is Protocol.STREAM else "https://" if by_tls else "http://"
    if is_application(address):
        if by_tls:
            raise InvalidArgument("TlsUpstream: an application of this process speaks no TLS; give it as upstream.")
        address = scheme + surroundings.application(address)
    elif isinstance(address, str) and address.startswith(text.CONTAINER):
        address = scheme + surroundings.container(*text.container(address))
    if not isinstance(address, str):
        raise InvalidArgument(
            f"upstream={target!r} is neither a URL, an NginxServer nor an application that can be called; leave it out "
            "for the recorder."
        )
    if protocol is Protocol.STREAM:
        return text.stream_upstream(address.removeprefix("https://"))
    if by_tls and not address.startswith("https://"):
        raise InvalidArgument(f"upstream: TlsUpstream({address!r}) is met by TLS, so its URL begins with 'https://'.")
    return text.upstream_url(address)


def _upstream_tls(value: object, protocol: Protocol, surroundings: Surroundings) -> UpstreamTls | None:
    if not isinstance(value, TlsUpstream):
        return None
    if protocol is Protocol.STREAM and value.keepalive is not None:
        raise InvalidArgument("TlsUpstream keepalive does not go with protocol='stream': it is a matter of http.")
    trusted = contents.authorities(value.trusted_ca, "TlsUpstream trusted_ca")
    if value.verify and trusted is None:
        trusted = surroundings.client_ca()
    given_ca = UNSET if value.trusted_ca is None else value.trusted_ca
    identity = contents.identity(value.credential, "TlsUpstream credential") if value.credential else (None, None)
    return UpstreamTls(
        certificate=identity[0],
        key=identity[1],
        verify=value.verify,
        trusted_ca=trusted,
        crl=_crl(value.crl, given_ca, surroundings, of="TlsUpstream trusted_ca"),
        depth=_depth(value.depth),
        name=None if value.name is None else text.header_value(value.name, argument="TlsUpstream name"),
        server_name=value.server_name,
        session_reuse=value.session_reuse,
        keepalive=value.keepalive,
    )


def _crl(value: object, authorities: Any, surroundings: Surroundings, *, of: str = "client_ca") -> FileContent | None:
    if value is True and authorities is UNSET:
        return surroundings.full_crl()
    return contents.crl(value, authorities, of=of)


def _forward(value: object) -> tuple[tuple[str, str], ...]:
    if value is None:
        return DEFAULT_FORWARD
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"forward={value!r} is not a mapping of header names to values.")
    return tuple(
        (text.header_name(name, argument="forward"), text.header_value(each, argument=f"forward[{name!r}]"))
        for name, each in value.items()
    )


def _error_pages(value: object, protocol: Protocol) -> tuple[tuple[int, int | str], ...]:
    if not value:
        return ()
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"error_pages={value!r} is not a mapping such as {{495: 403}}.")
    if protocol is Protocol.STREAM:
        raise InvalidArgument("error_pages does not go with protocol='stream', which has no answers.")
    return tuple((code, text.error_page(code, target)) for code, target in value.items())


def _lines(value: object, argument: str) -> tuple[str, ...]:
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    return tuple(text.directive(line, argument=argument) for line in (value if several else (value,)))  # type: ignore[attr-defined]


def _default_location(value: object, *, upstream: object) -> None:
    _boolean(value, "default_location")
    if value is False and upstream is not None:
        raise InvalidArgument(
            "upstream does not go with default_location=False, which leaves out the location that would use it: "
            "write `proxy_pass` in your directives; `proxy_pass http://recorder;` reaches the recorder."
        )


def _clock(value: object) -> timedelta:
    if not isinstance(value, timedelta):
        raise InvalidArgument(f"clock={value!r} is not a timedelta: how far nginx's clock is ahead of this machine's.")
    return value
