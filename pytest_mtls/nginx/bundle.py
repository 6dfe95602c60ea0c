"""From specs to the files one nginx reads: ``nginx.conf``, certificates, keys. Pure: nothing is written here.

All paths in the configuration are relative to nginx's prefix, so that the same text serves every engine; only the
addresses and the log differ, and those an engine states in its :class:`Layout`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_mtls.nginx import ocsp, text, upstream
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.limits import refuse_what_is_missing
from pytest_mtls.nginx.spec import ABSENT, FileContent, Protocol, ServerBlock, ServerSpec
from pytest_mtls.nginx.variables import known_variables

CONFIG = "nginx.conf"
PID = "nginx.pid"

RECORD_PREFIX = '{"pytest-mtls":1,'
"""How a line of the access log starts that is meant for this package."""

# nginx hands its workers an empty environment, and libfaketime reads its own every ten seconds.
CLOCK_ENVIRONMENT = tuple(f"env {name};" for name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"))

_PRIVATE_KEY = b"PRIVATE KEY-----"
_TEMP_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What an engine decides.

    Attributes:
        listen: address and port, or port alone, for each spec in turn.
        error_log: where ``error_log`` writes.
        access_log: where ``access_log`` writes.
        http_recorder: ``host:port`` of the recorder, as nginx reaches it.
        stream_recorder: the same for byte streams.
        user: for the ``user`` directive; ``None`` where nginx is not started by root.
    """

    listen: Sequence[str]
    error_log: str
    access_log: str
    http_recorder: str
    stream_recorder: str
    user: str | None = None


@dataclass(frozen=True, slots=True)
class BundleFile:
    """The content of one file, whether it is a secret, and whether workers open it themselves, at each request."""

    content: bytes
    secret: bool = False
    read_by_workers: bool = False

    def __post_init__(self) -> None:
        if _PRIVATE_KEY in self.content:  # wherever the user put it: beside its certificate, or in place of it
            object.__setattr__(self, "secret", True)

    def __repr__(self) -> str:
        return f"BundleFile({len(self.content)} bytes{', secret' if self.secret else ''})"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything one nginx needs: its configuration, and the other files by path relative to the prefix."""

    config: str
    files: Mapping[str, BundleFile]


def make_bundle(specs: Sequence[ServerSpec], build: NginxBuild, layout: Layout) -> Bundle:
    """The files for an nginx that serves all of ``specs``.

    Args:
        specs: one listener each.
        build: the nginx that will read them, for what it knows.
        layout: what the engine decided.

    Raises:
        NginxLacksFeature: this nginx cannot do what one of ``specs`` asks.
    """
    if specs and specs[0].own is not None:
        return specs[0].own.bundle(build, layout)
    refuse_what_is_missing(specs, build)
    files: dict[str, BundleFile] = {}
    servers: dict[Protocol, list[str]] = {Protocol.HTTP: [], Protocol.STREAM: []}
    for number, (spec, listen) in enumerate(zip(specs, layout.listen, strict=True)):
        for position, block in enumerate(spec.blocks):
            folder = f"server-{number}" if len(spec.blocks) == 1 else f"server-{number}-{position}"
            files.update(_files(block, folder))
            behind = _behind(block, specs, folder=folder, protocol=spec.protocol, layout=layout)
            lines = _server(block, spec, behind, listen=listen, folder=folder, build=build)
            servers[spec.protocol].extend(["", "    server {", *_indented(lines, 8), "    }"])
    for protocol, recorder in ((Protocol.HTTP, layout.http_recorder), (Protocol.STREAM, layout.stream_recorder)):
        servers[protocol][:0] = _around(specs, protocol, recorder, build)
    loaded = modules(build) if servers[Protocol.STREAM] else []
    rest = (*_http(servers, build, layout), *_stream(servers, build, layout))
    config = "\n".join([*loaded, *_main(specs, build, layout), *rest, ""])
    return Bundle(config, files)


def _around(specs: Sequence[ServerSpec], protocol: Protocol, recorder: str, build: NginxBuild) -> Iterator[str]:
    """What stands beside the servers in ``http {}`` or ``stream {}``: upstreams with a name, and the user's lines."""
    for block in upstream.named_upstreams(specs, protocol, recorder, build):
        yield from ("", *_indented(block, 4))
    own = [line for spec in specs if spec.protocol is protocol for line in spec.http_directives]
    if own:
        yield from ("", *_indented(own, 4))


def modules(build: NginxBuild) -> list[str]:
    """What loads the stream module, where it is not compiled in."""
    if build.stream_module is None:
        return []
    path = build.stream_module.replace("\\", r"\\").replace('"', r"\"")
    return [f'load_module "{path}";']


def main_head(specs: Sequence[ServerSpec], build: NginxBuild, layout: Layout) -> list[str]:
    """Lines for the top level."""
    # debug_event adds the peer's port at accept and OpenSSL's number for every certificate of the chain, which nothing
    # else reports where a mode tolerates the error; without debug support nginx would refuse the level.
    level = "debug_event" if build.has_debug else "info"
    own = [line for spec in specs for line in spec.main_directives]
    # Of these nginx takes one only, and the user's goes first.
    said = {line.split()[0] for line in own if line.strip()}
    ours = {"user": layout.user, "worker_processes": "1"}
    return [
        *(f"{name} {value};" for name, value in ours.items() if value and name not in said),
        f"pid {PID};",
        f"error_log {layout.error_log} {level};",
        *(CLOCK_ENVIRONMENT if any(spec.clock for spec in specs) else ()),
        *own,
    ]


def _main(specs: Sequence[ServerSpec], build: NginxBuild, layout: Layout) -> list[str]:
    return [
        *main_head(specs, build, layout),
        "",
        "events {",
        "    worker_connections 1024;",
        "}",
        "",
    ]


def http_head(build: NginxBuild, layout: Layout) -> list[str]:
    """Lines for the head of ``http {}``: the log that outcomes are read from, and where bodies are kept."""
    temp_paths = [
        f"{name}_temp_path temp_{name};"
        for name in _TEMP_PATHS
        if name == "client_body" or not build.lacks(f"http_{name}")
    ]
    return [*_log(build, layout, stream=False), *temp_paths]


def stream_head(build: NginxBuild, layout: Layout) -> list[str]:
    """Lines for the head of ``stream {}``: the log."""
    return _log(build, layout, stream=True)


def _log(build: NginxBuild, layout: Layout, *, stream: bool) -> list[str]:
    return [
        f"log_format pytest_mtls escape=json '{_record_format(build, stream=stream)}';",
        f"access_log {layout.access_log} pytest_mtls;",
    ]


def _http(servers: Mapping[Protocol, list[str]], build: NginxBuild, layout: Layout) -> list[str]:
    return ["http {", *_indented(http_head(build, layout), 4), *servers[Protocol.HTTP], "}"]


def _stream(servers: Mapping[Protocol, list[str]], build: NginxBuild, layout: Layout) -> list[str]:
    if not servers[Protocol.STREAM]:
        return []
    return ["", "stream {", *_indented(stream_head(build, layout), 4), *servers[Protocol.STREAM], "}"]


def _record_format(build: NginxBuild, *, stream: bool) -> str:
    """One JSON object for each request (http) or session (stream)."""
    about = {
        "connection": "$connection",
        "peer": "$remote_addr:$remote_port",
        "listener": "$server_addr:$server_port",
        "status": "$status",
        "upstream": "$upstream_connect_time",
    }
    values = about | {name: f"${name}" for name in known_variables(build, stream=stream)}
    return RECORD_PREFIX + ",".join(f'"{name}":"{value}"' for name, value in values.items()) + "}"


def _files(block: ServerBlock, folder: str) -> dict[str, BundleFile]:
    named = {
        "certificate.pem": (block.certificate, False),
        "key.pem": (block.key, True),
        "client_ca.pem": (block.client_ca, False),
        "trusted_ca.pem": (block.trusted_ca, False),
        "crl.pem": (block.crl, False),
        **{f"ticket-{number}.key": (key, True) for number, key in enumerate(block.session_ticket_keys)},
        **{
            name: (content, name == upstream.KEY_FILE)
            for name, content in upstream.upstream_files(block.upstream_tls).items()
        },
    }
    return {
        f"{folder}/{name}": BundleFile(content, secret)
        for name, (content, secret) in named.items()
        if content is not None and content is not ABSENT
    }


def _behind(
    block: ServerBlock, specs: Sequence[ServerSpec], *, folder: str, protocol: Protocol, layout: Layout
) -> list[str]:
    """How the server passes on what it lets in; nothing where the user's lines do that."""
    if not block.default_location:
        return []
    if protocol is Protocol.HTTP:
        forward = [f"proxy_set_header {name} {value};" for name, value in block.forward]
        lines = [*forward, *upstream.http_lines(block, specs, folder, layout.http_recorder)]
        return ["location / {", *_indented(lines, 4), "}"]
    tls = ["proxy_ssl on;", *upstream.tls_lines(block.upstream_tls, folder)] if block.upstream_tls else []
    return [*tls, f"proxy_pass {block.upstream or layout.stream_recorder};"]


def _server(
    block: ServerBlock, spec: ServerSpec, behind: Sequence[str], *, listen: str, folder: str, build: NginxBuild
) -> Iterator[str]:
    http = spec.protocol is Protocol.HTTP
    old_http2 = spec.http2 and not build.at_least(1, 25, 1)
    yield f"listen {listen} ssl{' http2' if old_http2 else ''};"
    if spec.http2 and not old_http2:
        yield "http2 on;"
    if http or len(spec.blocks) > 1:
        yield f"server_name {' '.join(block.names)};"
    yield from _tls(block, folder)
    yield from ocsp.directives(block)
    yield from _error_pages(block)
    yield from block.directives
    yield from behind


def _tls(block: ServerBlock, folder: str) -> Iterator[str]:
    def named(directive: str, name: str, content: FileContent | None) -> Iterator[str]:
        if content is not None:
            yield f"{directive} {text.file_path(folder, name, content)};"

    yield from named("ssl_certificate", "certificate.pem", block.certificate)
    yield from named("ssl_certificate_key", "key.pem", block.key)
    if block.tls is not None:
        yield f"ssl_protocols {' '.join(f'TLSv{version}' for version in block.tls)};"
    yield f"ssl_verify_client {block.verify};"
    yield from named("ssl_client_certificate", "client_ca.pem", block.client_ca)
    yield from named("ssl_trusted_certificate", "trusted_ca.pem", block.trusted_ca)
    yield from named("ssl_crl", "crl.pem", block.crl)
    if block.depth is not None:
        yield f"ssl_verify_depth {block.depth};"
    if block.session_cache is not None:
        yield f"ssl_session_cache {block.session_cache};"
    if block.session_tickets is not None:
        yield f"ssl_session_tickets {'on' if block.session_tickets else 'off'};"
    for number, key in enumerate(block.session_ticket_keys):
        yield from named("ssl_session_ticket_key", f"ticket-{number}.key", key)


def _error_pages(block: ServerBlock) -> Iterator[str]:
    for code, target in block.error_pages:
        if isinstance(target, str):
            yield f"error_page {code} {target};"
        else:
            # `error_page 495 =403 /uri` would need a page; a named location that returns the status needs none.
            yield f"error_page {code} = @status_{code};"
            yield f"location @status_{code} {{ return {target}; }}"


def _indented(lines: Iterable[str], width: int) -> Iterator[str]:
    return (" " * width + line for line in lines)


def numbered(config: str) -> str:
    """A configuration with line numbers, for a human who has nginx's message with one."""
    lines = config.rstrip("\n").split("\n")
    width = len(str(len(lines)))
    return "\n".join(f"{number:>{width}} | {line}" for number, line in enumerate(lines, 1))
