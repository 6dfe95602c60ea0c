"""From specs to the files one nginx reads: ``nginx.conf``, certificates, keys. Pure: nothing is written here.

All paths in the configuration are relative to nginx's prefix, so that the same text serves every engine; only the
addresses and the log differ, and those an engine states in its :class:`Layout`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_mtls.nginx import ocsp
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.limits import refuse_what_is_missing
from pytest_mtls.nginx.spec import Protocol, ServerBlock, ServerSpec
from pytest_mtls.nginx.variables import known_variables

CONFIG = "nginx.conf"
PID = "nginx.pid"

RECORD_PREFIX = '{"pytest-mtls":1,'
"""How a line of the access log starts that is meant for this package."""

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
    """The content of one file, and whether it is a secret."""

    content: bytes
    secret: bool = False

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
    refuse_what_is_missing(specs, build)
    files: dict[str, BundleFile] = {}
    servers: dict[Protocol, list[str]] = {Protocol.HTTP: [], Protocol.STREAM: []}
    for number, (spec, listen) in enumerate(zip(specs, layout.listen, strict=True)):
        for position, block in enumerate(spec.blocks):
            folder = f"server-{number}" if len(spec.blocks) == 1 else f"server-{number}-{position}"
            files.update(_files(block, folder))
            lines = _server(block, spec, listen=listen, folder=folder, build=build, layout=layout)
            servers[spec.protocol].extend(["", "    server {", *_indented(lines, 8), "    }"])
    modules = _modules(build) if servers[Protocol.STREAM] else []
    rest = (*_http(servers, build, layout), *_stream(servers, build, layout))
    config = "\n".join([*modules, *_main(build, layout), *rest, ""])
    return Bundle(config, files)


def _modules(build: NginxBuild) -> list[str]:
    if build.stream_module is None:
        return []
    path = build.stream_module.replace("\\", r"\\").replace('"', r"\"")
    return [f'load_module "{path}";']


def _main(build: NginxBuild, layout: Layout) -> list[str]:
    # debug_event adds the peer's port at accept and OpenSSL's number for every certificate of the chain, which nothing
    # else reports where a mode tolerates the error; without debug support nginx would refuse the level.
    level = "debug_event" if build.has_debug else "info"
    return [
        *([f"user {layout.user};"] if layout.user else []),
        "worker_processes 1;",
        f"pid {PID};",
        f"error_log {layout.error_log} {level};",
        "",
        "events {",
        "    worker_connections 1024;",
        "}",
        "",
    ]


def _http(servers: Mapping[Protocol, list[str]], build: NginxBuild, layout: Layout) -> list[str]:
    temp_paths = [
        f"    {name}_temp_path temp_{name};"
        for name in _TEMP_PATHS
        if name == "client_body" or not build.lacks(f"http_{name}")
    ]
    return [
        "http {",
        f"    log_format pytest_mtls escape=json '{_record_format(build, stream=False)}';",
        f"    access_log {layout.access_log} pytest_mtls;",
        *temp_paths,
        *servers[Protocol.HTTP],
        "}",
    ]


def _stream(servers: Mapping[Protocol, list[str]], build: NginxBuild, layout: Layout) -> list[str]:
    if not servers[Protocol.STREAM]:
        return []
    return [
        "",
        "stream {",
        f"    log_format pytest_mtls escape=json '{_record_format(build, stream=True)}';",
        f"    access_log {layout.access_log} pytest_mtls;",
        *servers[Protocol.STREAM],
        "}",
    ]


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
    }
    return {
        f"{folder}/{name}": BundleFile(content, secret)
        for name, (content, secret) in named.items()
        if content is not None
    }


def _server(
    block: ServerBlock, spec: ServerSpec, *, listen: str, folder: str, build: NginxBuild, layout: Layout
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
    if not http:
        yield from block.directives
        yield f"proxy_pass {block.upstream or layout.stream_recorder};"
        return
    yield from _error_pages(block)
    yield from block.directives
    yield "location / {"
    yield from (f"    proxy_set_header {name} {value};" for name, value in block.forward)
    yield f"    proxy_pass {block.upstream or f'http://{layout.http_recorder}'};"
    yield "}"


def _tls(block: ServerBlock, folder: str) -> Iterator[str]:
    yield f"ssl_certificate {folder}/certificate.pem;"
    yield f"ssl_certificate_key {folder}/key.pem;"
    yield f"ssl_protocols {' '.join(f'TLSv{version}' for version in block.tls)};"
    yield f"ssl_verify_client {block.verify};"
    if block.client_ca is not None:
        yield f"ssl_client_certificate {folder}/client_ca.pem;"
    if block.trusted_ca is not None:
        yield f"ssl_trusted_certificate {folder}/trusted_ca.pem;"
    if block.crl is not None:
        yield f"ssl_crl {folder}/crl.pem;"
    if block.depth is not None:
        yield f"ssl_verify_depth {block.depth};"
    if block.session_cache is not None:
        yield f"ssl_session_cache {block.session_cache};"
    if block.session_tickets is not None:
        yield f"ssl_session_tickets {'on' if block.session_tickets else 'off'};"
    for number in range(len(block.session_ticket_keys)):
        yield f"ssl_session_ticket_key {folder}/ticket-{number}.key;"


def _error_pages(block: ServerBlock) -> Iterator[str]:
    for code, target in block.error_pages:
        if isinstance(target, str):
            yield f"error_page {code} {target};"
        else:
            # `error_page 495 =403 /uri` would need a page; a named location that returns the status needs none.
            yield f"error_page {code} = @status_{code};"
            yield f"location @status_{code} {{ return {target}; }}"


def _indented(lines: Iterator[str], width: int) -> Iterator[str]:
    return (" " * width + line for line in lines)


def numbered(config: str) -> str:
    """A configuration with line numbers, for a human who has nginx's message with one."""
    lines = config.rstrip("\n").split("\n")
    width = len(str(len(lines)))
    return "\n".join(f"{number:>{width}} | {line}" for number, line in enumerate(lines, 1))
