"""From arguments to a spec: every value checked, every file read, every default filled in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_mtls.arguments import UNSET, Ocsp, ServerArguments, VirtualServer
from pytest_mtls.errors import InvalidArgument, KeyMismatch
from pytest_mtls.nginx import text
from pytest_mtls.nginx.spec import (
    DEFAULT_FORWARD,
    TLS_VERSIONS,
    OcspCheck,
    Protocol,
    ServerBlock,
    ServerSpec,
    VerifyMode,
)

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.ocsp import OcspResponder

E = TypeVar("E", bound=Enum)

_TICKET_KEY_SIZES: Final = (48, 80)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What arguments are resolved against.

    Attributes:
        client_ca: the default of ``client_ca``, PEM.
        full_crl: for ``crl=True`` with that default: the CRL of every CA of the chain, PEM.
        server_credential: mints one for some names, the same for the same names.
        ocsp_url: the address of an OCSP responder of this machine as nginx reaches it.
    """

    client_ca: Callable[[], bytes]
    full_crl: Callable[[], bytes]
    server_credential: Callable[[tuple[str, ...]], Credential]
    ocsp_url: Callable[[OcspResponder], str]


def check_values(arguments: ServerArguments) -> None:
    """Check what can be checked before there is a CA: at collection, so that a typo fails early.

    Raises:
        InvalidArgument: a value is not allowed.
    """
    verify_mode(_or(arguments.verify, VerifyMode.ON))
    tls_versions(_or(arguments.tls, TLS_VERSIONS))
    protocol = _member(Protocol, _or(arguments.protocol, Protocol.HTTP), "protocol")
    _depth(_or(arguments.depth, None))
    _boolean(_or(arguments.http2, False), "http2")
    _port(_or(arguments.port, 0))
    _config(_or(arguments.config, None))
    _server_names(_or(arguments.server_names, None))
    for given in (arguments, *(each.settings for each in _virtual_servers(_or(arguments.virtual_servers, ())))):
        if (cache := _or(given.session_cache, None)) is not None:
            text.session_cache(cache)
        _ocsp(_or(given.ocsp, None))
        _forward(_or(given.forward, None))
        _error_pages(_or(given.error_pages, None), protocol)
        _directives(_or(given.directives, ()))


def resolve(arguments: ServerArguments, surroundings: Surroundings) -> ServerSpec:
    """The spec that these arguments ask for.

    Raises:
        InvalidArgument: a value is not allowed, or two contradict each other.
        InvalidPem: bytes or a file that should be PEM are not.
        KeyMismatch: ``server`` has the key of another certificate.
    """
    check_values(arguments)
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
    server = given.get("server") or surroundings.server_credential(names)
    if not server.matches_key:
        raise KeyMismatch(
            "server: its private key belongs to another certificate, and nginx would not start with the two."
        )
    client_ca = given.get("client_ca", UNSET)
    verify = verify_mode(given.get("verify", VerifyMode.ON))
    return ServerBlock(
        names=names,
        certificate=server.chain_pem,
        key=server.private_key_pem,
        verify=verify,
        client_ca=surroundings.client_ca() if client_ca is UNSET else ca_pem(client_ca, "client_ca"),
        trusted_ca=ca_pem(given.get("trusted_ca"), "trusted_ca"),
        crl=_crl(given.get("crl"), client_ca, surroundings),
        depth=_depth(given.get("depth")),
        tls=tls_versions(given.get("tls", TLS_VERSIONS)),
        session_cache=given.get("session_cache"),
        session_tickets=given.get("session_tickets"),
        session_ticket_keys=_ticket_keys(given.get("session_ticket_key")),
        upstream=_upstream(given.get("upstream"), protocol),
        forward=_forward(given.get("forward")),
        error_pages=_error_pages(given.get("error_pages"), protocol),
        ocsp=_ocsp_check(ocsp_of(given), surroundings),
        directives=_directives(given.get("directives", ())),
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


def _config(value: object) -> None:
    if value is None:
        return
    path = Path(str(value))
    if not path.is_file():
        raise InvalidArgument(f"config={str(value)!r}: there is no such file (looked in {path.resolve().parent}).")
    raise InvalidArgument(
        f"config={str(value)!r}: running a configuration of your own is not part of this version; "
        "give the server block's lines through directives=[...] instead."
    )


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
    names = ("localhost",) if value is None else (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    if not names:
        raise InvalidArgument("server_names=() leaves the server without a name; leave it out for 'localhost'.")
    return tuple(text.server_name(name) for name in names)


def _virtual_servers(value: object) -> tuple[VirtualServer, ...]:
    servers = tuple(value) if isinstance(value, Iterable) else (value,)
    for server in servers:
        if not isinstance(server, VirtualServer):
            raise InvalidArgument(f"virtual_servers: {server!r} is not a VirtualServer('name', verify=..., ...).")
    return servers


def ca_pem(value: object, argument: str) -> bytes | None:
    """Certificates for nginx to read: of an authority, of several, PEM bytes, or the path of a PEM file.

    An authority stands for its own certificate alone: nginx knows no partial chains, so an intermediate needs its root
    named beside it, and then everything under the root is trusted too.

    Raises:
        InvalidPem: there is no certificate in it.
        InvalidArgument: it is something else, or the file cannot be read.
    """
    from pytest_mtls.pki.pem import load_certificates

    if value is None:
        return None
    if (pem := getattr(value, "certificate_pem", None)) is not None:
        return bytes(pem)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return b"".join(ca_pem(each, argument) or b"" for each in value)
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
        except OSError as error:
            raise InvalidArgument(f"{argument}: cannot read {str(value)!r}: {error.strerror}.") from error
    raise InvalidArgument(f"{argument}={value!r} is a {type(value).__name__}; give bytes or the path of a file.")


def _crl(value: object, client_ca: Any, surroundings: Surroundings) -> bytes | None:
    if value is None or value is False:
        return None
    if value is not True:
        from pytest_mtls.pki.pem import load_crls

        content = _content(value, "crl")
        load_crls(content, "crl")
        return content
    if client_ca is UNSET:
        return surroundings.full_crl()
    authorities = (
        client_ca if isinstance(client_ca, Sequence) and not isinstance(client_ca, str | bytes) else (client_ca,)
    )
    if not all(hasattr(each, "crl_bundle") for each in authorities):
        raise InvalidArgument(
            "crl=True needs client_ca to be an authority, which can make its CRL; give the CRL as PEM instead."
        )
    return b"".join(each.crl_bundle() for each in authorities)


def _ticket_keys(value: object) -> tuple[bytes, ...]:
    if value is None:
        return ()
    several = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
    keys = tuple(_content(each, "session_ticket_key") for each in several)
    for key in keys:
        if len(key) not in _TICKET_KEY_SIZES:
            raise InvalidArgument(
                f"session_ticket_key: {len(key)} bytes, and nginx takes 48 or 80 (ngx_ssl_session_ticket_keys)."
            )
    return keys


def _upstream(value: object, protocol: Protocol) -> str | None:
    if value is None:
        return None
    address = getattr(value, "upstream_url", value)
    if not isinstance(address, str):
        raise InvalidArgument(f"upstream={value!r} is neither a URL nor an NginxServer; leave it out for the recorder.")
    return text.stream_upstream(address) if protocol is Protocol.STREAM else text.upstream_url(address)


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


def _directives(value: object) -> tuple[str, ...]:
    lines = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    return tuple(text.directive(line) for line in lines)
