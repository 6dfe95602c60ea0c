"""What a user may say about a server, checked, and turned into a spec.

The marker, the factory, ``update()`` and the command line all take the arguments of :class:`ServerArguments`.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx import ocsp, text

if TYPE_CHECKING:
    from pytest_mtls.pki.ocsp import OcspResponder

E = TypeVar("E", bound=Enum)


class Unset(Enum):
    """Says that an argument was not given, where ``None`` means something."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "<default>"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class _BlockArguments:
    """What can be said of one ``server {}``; ``None`` leaves the directive to nginx's own default.

    Where a file is meant, PEM bytes, a path and ``Verbatim`` will do as well.

    Attributes:
        verify: ``ssl_verify_client``: ``off``, ``on``, ``optional`` or ``optional_no_ca``. Default: ``on``.
        client_ca: ``ssl_client_certificate``: an authority, several as a tuple, a file, or ``None``. Default:
            ``mtls_ca``.
        trusted_ca: ``ssl_trusted_certificate``, in the forms of ``client_ca``. Default: none.
        crl: ``ssl_crl``: a file, or ``True`` for the CRLs of the whole chain. Default: none.
        depth: ``ssl_verify_depth``, the number of intermediates. Default: nginx's own, 1.
        tls: ``ssl_protocols``: ``"1.2"``, ``"1.3"`` or a tuple of both; ``None`` writes none. Default: both.
        session_cache: ``ssl_session_cache``. Default: nginx's own, none.
        session_tickets: ``ssl_session_tickets``. Default: nginx's own, ``True``.
        session_ticket_key: ``ssl_session_ticket_key``: a file. Default: none.
        server: the server's own ``Credential``, or ``(Verbatim(certificate), Verbatim(key))``. Default: minted.
        upstream: what stands behind: a WSGI or ASGI application, a URL, ``"container://name:port"``, another
            ``NginxServer``, or ``TlsUpstream(server_or_url, credential, ...)``. Default: the recorder.
        forward: ``proxy_set_header``: a mapping of names to values. Default: ``X-SSL-Client-*`` and the usual ones.
        error_pages: ``error_page``, such as ``{495: 403}`` or ``{496: "=401 /login"}``. Default: none.
        ocsp: ``ssl_ocsp``: an ``OcspResponder``, or ``Ocsp(responder, scope="on", cache="shared:a:1m")``. Default:
            none.
        directives: further lines for the server block, taken as they are; ``proxy_pass http://recorder;`` reaches the
            recorder. Default: none.
        default_location: ``False`` leaves out our ``location /``, for one among ``directives``. Default: ``True``.
    """

    verify: Any = UNSET
    client_ca: Any = UNSET
    trusted_ca: Any = UNSET
    crl: Any = UNSET
    depth: int | Unset | None = UNSET
    tls: Any = UNSET
    session_cache: str | Unset | None = UNSET
    session_tickets: bool | Unset | None = UNSET
    session_ticket_key: Any = UNSET
    server: Any = UNSET
    upstream: Any = UNSET
    forward: Any = UNSET
    error_pages: Any = UNSET
    ocsp: Any = UNSET
    directives: Any = UNSET
    default_location: bool | Unset = UNSET

    def given(self) -> dict[str, Any]:
        """The arguments that were given."""
        every = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {name: value for name, value in every.items() if value is not UNSET}


@dataclass(frozen=True, slots=True)
class Ocsp:
    """How nginx asks whether a client's certificate was revoked; a responder alone stands for ``Ocsp(responder)``.

    Args:
        responder: whom nginx asks (``ssl_ocsp_responder``): an ``OcspResponder``, or the ``http://`` address of another
            as that nginx reaches it. ``None`` goes with ``use_aia``.
        scope: ``"leaf"`` asks about the client's own certificate, ``"on"`` about the whole chain but the root.
        cache: ``"shared:NAME:1m"`` to remember answers (``ssl_ocsp_cache``).
        use_aia: ask whom each certificate names (``ocsp_url``), and only that one. A host name there needs a
            ``resolver`` among ``directives``.

    Raises:
        InvalidArgument: a value is not allowed, or there is nobody to ask.
    """

    responder: OcspResponder | str | None = None
    scope: str = "leaf"
    cache: str | None = None
    use_aia: bool = False

    def __post_init__(self) -> None:
        if self.scope not in ocsp.SCOPES:
            raise InvalidArgument.not_one_of("Ocsp scope", self.scope, ocsp.SCOPES)
        if self.cache is not None:
            ocsp.cache(self.cache)
        if isinstance(self.responder, str):
            ocsp.responder_url(self.responder)
        elif self.responder is not None and not hasattr(self.responder, "url_for"):
            raise InvalidArgument(f"ocsp: {self.responder!r} is no OcspResponder; make one with ca.ocsp_responder().")
        if self.responder is None and not self.use_aia:
            raise InvalidArgument("Ocsp() has nobody to ask: give it a responder, or use_aia=True.")


@dataclass(frozen=True, slots=True)
class Verbatim:
    """The content of a file, unchecked: for what nginx is to refuse, or to read in its own way.

    Goes wherever a file is meant: ``client_ca``, ``trusted_ca``, ``crl``, ``session_ticket_key``, and as
    ``(Verbatim(certificate), Verbatim(key))`` for ``server``.

    Args:
        content: any bytes; ``None`` for a file that nginx.conf names and that is not there.

    Raises:
        InvalidArgument: it is something else.
    """

    content: bytes | None

    def __post_init__(self) -> None:
        if self.content is not None and not isinstance(self.content, bytes):
            raise InvalidArgument(
                f"Verbatim content={self.content!r} is a {type(self.content).__name__}; give bytes, or None for a "
                "file that is not there."
            )

    def __repr__(self) -> str:
        return "Verbatim(None)" if self.content is None else f"Verbatim({len(self.content)} bytes)"


@dataclass(frozen=True, slots=True)
class TlsUpstream:
    """An upstream that nginx meets by TLS, as ``upstream=``: nginx is the client there (``proxy_ssl_*``).

    Args:
        target: another ``NginxServer``, ``container://name:port``, or an ``https://`` URL as this nginx reaches it.
            What an ``NginxServer`` saw of this one is in ``outcome.forwarded``: it forwards to the recorder, and names
            the identity it verified.
        credential: what nginx presents; the forms of ``server``.
        verify: check the upstream's certificate, and its name. nginx's own default is not to.
        trusted_ca: under which CAs; the forms of ``client_ca``. With ``verify``, ``mtls_ca`` unless it is said.
        crl: revocation lists for that; the forms of ``crl``.
        depth: number of intermediates; nginx's own is 1.
        name: the name that the certificate must have (``proxy_ssl_name``), and the SNI. nginx's own is that of the
            ``upstream {}`` in its configuration, which is on no certificate.
        server_name: whether that name is sent as SNI. nginx's own default is not to.
        session_reuse: whether TLS sessions are resumed; nginx's own is yes.
        keepalive: how many idle connections are kept; 0 for none. Virtual servers whose upstream and ``keepalive`` are
            the same share them. ``None`` leaves it to nginx, which keeps them since 1.29.7.

    Raises:
        InvalidArgument: a value is not allowed.
    """

    target: Any
    credential: Any = None
    verify: bool = False
    trusted_ca: Any = None
    crl: Any = None
    depth: int | None = None
    name: str | None = None
    server_name: bool = False
    session_reuse: bool | None = None
    keepalive: int | None = None

    def __post_init__(self) -> None:
        for name in ("verify", "server_name", "session_reuse"):
            value = getattr(self, name)
            if not isinstance(value, bool) and (value is not None or name != "session_reuse"):
                raise InvalidArgument.not_one_of(f"TlsUpstream {name}", value, (True, False))
        kept = self.keepalive
        if kept is not None and (isinstance(kept, bool) or not isinstance(kept, int) or kept < 0):
            raise InvalidArgument(f"TlsUpstream keepalive={kept!r} is not a number of connections, 0 or more.")
        if self.crl and not self.verify:
            raise InvalidArgument("TlsUpstream crl has no effect without verify=True: nothing is checked.")


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """One of several servers on a listener; what is not said here is as it is said for the listener.

    Args:
        name: ``server_name``, one or several.
        settings: the arguments of a server, but for those that belong to a listener or to its nginx: ``protocol``,
            ``http2``, ``server_names``, ``virtual_servers``, ``nginx``, ``port``, ``http_directives``,
            ``main_directives``, ``clock``.

    Raises:
        InvalidArgument: an argument is unknown.
    """

    names: tuple[str, ...]
    settings: _BlockArguments

    def __init__(self, name: str | Iterable[str], **settings: Any) -> None:
        check_names(settings, _BLOCK_NAMES, "VirtualServer")
        names = (name,) if isinstance(name, str) else tuple(name)
        object.__setattr__(
            self, "names", tuple(text.server_name(each, argument="VirtualServer name") for each in names)
        )
        object.__setattr__(self, "settings", _BlockArguments(**settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerArguments(_BlockArguments):
    """Every argument of the marker and the factory, as it was given.

    Attributes:
        protocol: ``"http"`` or ``"stream"``. Default: ``"http"``.
        http2: whether HTTP/2 is offered. Default: ``False``.
        server_names: ``server_name``: the names this server answers to. Default: ``localhost``.
        virtual_servers: several ``VirtualServer(name, ...)`` on one listener; the first is the default. Default: none.
        config: the path of an nginx.conf of your own, in place of all else but ``files``, ``upstreams``, ``nginx``,
            ``port`` and ``clock``. Default: none.
        files: with ``config``: what stands for files that it names. Default: minted.
        upstreams: with ``config``: what stands for upstreams and targets that it names. Default: the recorder.
        nginx: ``bundled``, a Debian release's, an image, or the path of a binary. Default: ``--mtls-nginx``.
        port: the port to listen on. Default: a free one.
        http_directives: further lines for ``http {}`` (or ``stream {}``), taken as they are. Default: none.
        main_directives: further lines for the top level, taken as they are. Default: none.
        clock: a ``timedelta`` by which nginx's clock is ahead: for a dynamically linked nginx as a process, with
            libfaketime. Default: none.
    """

    protocol: Any = UNSET
    http2: bool | Unset = UNSET
    server_names: Any = UNSET
    virtual_servers: Any = UNSET
    config: Any = UNSET
    files: Any = UNSET
    upstreams: Any = UNSET
    nginx: str | Unset | None = UNSET
    port: int | Unset = UNSET
    http_directives: Any = UNSET
    main_directives: Any = UNSET
    clock: Any = UNSET

    @classmethod
    def checked(cls, arguments: Mapping[str, Any], *, where: str) -> ServerArguments:
        """These arguments, each known by name.

        Raises:
            InvalidArgument: one is not; the text names those there are.
        """
        check_names(arguments, ARGUMENT_NAMES, where)
        return cls(**arguments)

    def changed(self, arguments: Mapping[str, Any], *, where: str) -> ServerArguments:
        """The same with some arguments changed.

        Raises:
            InvalidArgument: one is unknown.
        """
        check_names(arguments, ARGUMENT_NAMES, where)
        return dataclasses.replace(self, **arguments)


_BLOCK_NAMES: Final = tuple(each.name for each in dataclasses.fields(_BlockArguments))
ARGUMENT_NAMES: Final = tuple(each.name for each in dataclasses.fields(ServerArguments))
"""The names of all arguments."""

SEQUENCE_ARGUMENTS: Final = frozenset({"virtual_servers", "directives", "http_directives", "main_directives"})
"""Arguments whose one value is a list, so that only a list of lists means several values."""


def check_names(given: Iterable[str], known: Sequence[str], where: str) -> None:
    """Refuse an argument that does not exist, and say which was probably meant.

    Raises:
        InvalidArgument: there is one.
    """
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise InvalidArgument(f"{where} has no argument {name!r}.{hint} There are: {', '.join(known)}.")
