"""What was asked of an nginx, as frozen values: one listener, and the servers that answer on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final
from typing import Protocol as Interface

if TYPE_CHECKING:
    from pytest_mtls.nginx.build import NginxBuild
    from pytest_mtls.nginx.bundle import Bundle, Layout


class VerifyMode(str, Enum):
    """The values of ``ssl_verify_client``.

    What each does with a certificate is decided after the handshake, per request: see ``docs/background.md``.
    """

    OFF = "off"
    ON = "on"
    OPTIONAL = "optional"
    OPTIONAL_NO_CA = "optional_no_ca"

    def __str__(self) -> str:
        return self.value

    @property
    def needs_ca(self) -> bool:
        """Whether nginx refuses to start in this mode without a CA (``ngx_http_ssl_merge_srv_conf``)."""
        return self in (VerifyMode.ON, VerifyMode.OPTIONAL)


class Protocol(str, Enum):
    """The nginx module that a server belongs to."""

    HTTP = "http"
    STREAM = "stream"

    def __str__(self) -> str:
        return self.value


TLS_VERSIONS: Final = ("1.2", "1.3")

DEFAULT_FORWARD: Final = (
    ("X-SSL-Client-Verify", "$ssl_client_verify"),
    ("X-SSL-Client-S-DN", "$ssl_client_s_dn"),
    ("X-SSL-Client-I-DN", "$ssl_client_i_dn"),
    ("X-SSL-Client-Serial", "$ssl_client_serial"),
    ("X-SSL-Client-Fingerprint", "$ssl_client_fingerprint"),
    # Of the three PEM variables only the escaped one is a single line and so fit for a header.
    ("X-SSL-Client-Cert", "$ssl_client_escaped_cert"),
    ("X-Real-IP", "$remote_addr"),
    ("X-Forwarded-For", "$remote_addr"),
    ("X-Forwarded-Proto", "$scheme"),
)
"""What is forwarded unless a test says otherwise. All are set, so a client's own headers of these names never arrive;
``X-Forwarded-For`` is ``$remote_addr`` and not the client's list continued, for the same reason."""


class Absent(Enum):
    """Stands for the content of a file that nginx.conf names and that is not there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

FileContent = bytes | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTls:
    """How nginx meets its upstream by TLS (``proxy_ssl_*``): all values validated. ``None`` leaves the directive out.

    Attributes:
        certificate: ``proxy_ssl_certificate``, PEM.
        key: ``proxy_ssl_certificate_key``, PEM.
        verify: ``proxy_ssl_verify``.
        trusted_ca: ``proxy_ssl_trusted_certificate``, PEM.
        crl: ``proxy_ssl_crl``, PEM.
        depth: ``proxy_ssl_verify_depth``.
        name: ``proxy_ssl_name``, already quoted.
        server_name: ``proxy_ssl_server_name``: whether that name is sent as SNI.
        session_reuse: ``proxy_ssl_session_reuse``.
        keepalive: idle connections that are kept (``keepalive`` of an ``upstream {}``).
    """

    certificate: FileContent | None = None
    key: FileContent | None = None
    verify: bool = False
    trusted_ca: FileContent | None = None
    crl: FileContent | None = None
    depth: int | None = None
    name: str | None = None
    server_name: bool = False
    session_reuse: bool | None = None
    keepalive: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspCheck:
    """Whether and whom nginx asks about client certificates: all values validated.

    Attributes:
        scope: ``ssl_ocsp``, ``leaf`` or ``on``.
        responder: ``ssl_ocsp_responder``, a URL; ``None`` asks whom the certificate names.
        cache: ``ssl_ocsp_cache``.
    """

    scope: str
    responder: str | None
    cache: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBlock:
    """One ``server {}``: all values validated, all files as bytes. ``None`` leaves the directive out.

    Attributes:
        names: ``server_name``.
        certificate: ``ssl_certificate``, PEM.
        key: ``ssl_certificate_key``, PEM.
        verify: ``ssl_verify_client``.
        client_ca: ``ssl_client_certificate``, PEM.
        trusted_ca: ``ssl_trusted_certificate``, PEM.
        crl: ``ssl_crl``, PEM.
        depth: ``ssl_verify_depth``, the number of intermediates allowed.
        tls: ``ssl_protocols``, out of :data:`TLS_VERSIONS`; ``None`` is nginx's own default.
        session_cache: ``ssl_session_cache``.
        session_tickets: ``ssl_session_tickets``.
        session_ticket_keys: ``ssl_session_ticket_key``, one file each, 48 or 80 bytes.
        upstream: a URL (http) or ``host:port`` (stream); ``None`` is the recorder.
        upstream_tls: how nginx meets that upstream by TLS; ``None`` leaves all of it to nginx's defaults.
        forward: pairs for ``proxy_set_header``; the values are nginx text, already quoted where that is needed.
        error_pages: code, and a status to answer with or the text of the directive.
        ocsp: ``ssl_ocsp`` and what belongs to it.
        directives: further lines, as they are.
        default_location: whether there is a ``location /`` (stream: a ``proxy_pass``) of ours.
    """

    names: tuple[str, ...]
    certificate: FileContent
    key: FileContent
    verify: VerifyMode = VerifyMode.ON
    client_ca: FileContent | None = None
    trusted_ca: FileContent | None = None
    crl: FileContent | None = None
    depth: int | None = None
    tls: tuple[str, ...] | None = TLS_VERSIONS
    session_cache: str | None = None
    session_tickets: bool | None = None
    session_ticket_keys: tuple[FileContent, ...] = ()
    upstream: str | None = None
    upstream_tls: UpstreamTls | None = None
    forward: tuple[tuple[str, str], ...] = DEFAULT_FORWARD
    error_pages: tuple[tuple[int, int | str], ...] = ()
    ocsp: OcspCheck | None = None
    directives: tuple[str, ...] = ()
    default_location: bool = True

    @property
    def may_interfere(self) -> bool:
        """Whether it could touch other servers of the same nginx: a shared cache and kept connections are nginx-wide,
        and free text can be anything."""
        caches = (self.session_cache, self.ocsp.cache if self.ocsp else None)
        return (
            bool(self.directives or self.upstream_tls)
            or not self.default_location
            or any("shared:" in (cache or "") for cache in caches)
        )


class OwnFiles(Interface):
    """A configuration of the user's own, in place of ours."""

    def specs(self) -> tuple[ServerSpec, ...]:
        """One for each listener, the default one first."""

    def bundle(self, build: NginxBuild, layout: Layout) -> Bundle:
        """Its files, for the listeners of all :meth:`specs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSpec:
    """One listener and the servers on it; the first answers where no name matches.

    Attributes:
        blocks: at least one.
        protocol: ``http`` or ``stream``.
        http2: whether HTTP/2 is offered.
        port: the host's port to listen on; 0 takes a free one.
        http_directives: further lines for the ``http {}`` or ``stream {}`` around it, as they are.
        main_directives: further lines for the top level, as they are.
        clock: how far this nginx's clock is ahead of the machine's.
        tls: whether clients shake hands there; only listeners of the user's own configuration may do without.
        own: the user's own configuration, which this is one listener of.
    """

    blocks: tuple[ServerBlock, ...]
    protocol: Protocol = Protocol.HTTP
    http2: bool = False
    port: int = 0
    http_directives: tuple[str, ...] = ()
    main_directives: tuple[str, ...] = ()
    clock: timedelta = timedelta(0)
    tls: bool = True
    own: OwnFiles | None = None

    @property
    def all_listeners(self) -> tuple[ServerSpec, ...]:
        """All that one nginx serves which was asked for this: itself, or every listener of its configuration."""
        return self.own.specs() if self.own else (self,)

    @property
    def default(self) -> ServerBlock:
        """The server that answers where no name matches."""
        return self.blocks[0]

    @property
    def may_share_nginx(self) -> bool:
        """Whether it can run in one nginx with other specs and neither notices."""
        own = self.port or self.http_directives or self.main_directives or self.clock or self.own
        return not own and not any(block.may_interfere for block in self.blocks)

    def named(self, name: str | None) -> ServerBlock:
        """The server that exactly that server name selects, else the default (``ngx_http_find_virtual_server``)."""
        wanted = (name or "").lower().rstrip(".")
        for block in self.blocks:
            if wanted in (known.lower() for known in block.names):
                return block
        return self.default
