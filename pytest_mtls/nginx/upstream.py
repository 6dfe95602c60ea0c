"""What lies behind nginx: the upstreams that have a name, and nginx as the client of a TLS server (``proxy_ssl_*``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from pytest_mtls.nginx import text
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import FileContent, Protocol, ServerBlock, ServerSpec, UpstreamTls

RECORDER: Final = "recorder"
"""The upstream that the user's own lines can name to reach the recorder."""

_MENTIONS: Final = re.compile(rf"\b{RECORDER}\b")
_DEFINES: Final = re.compile(rf"\bupstream\s+{RECORDER}\b")
_KEPT_BY_DEFAULT_SINCE: Final = (1, 29, 7)
"""From then on nginx keeps upstream connections unless it is told not to (CHANGES)."""


def named_upstreams(
    specs: Iterable[ServerSpec], protocol: Protocol, recorder: str, build: NginxBuild
) -> Iterator[list[str]]:
    """Each ``upstream {}`` that these servers need, as lines.

    Args:
        specs: all of one nginx.
        protocol: the module whose block this is for.
        recorder: ``host:port``.
        build: the nginx that will read them.
    """
    ours = [spec for spec in specs if spec.protocol is protocol]
    own = "\n".join(line for spec in ours for line in _own_lines(spec))
    if _MENTIONS.search(own) and not _DEFINES.search(own):
        yield [f"upstream {RECORDER} {{", f"    server {recorder};", "}"]
    for (address, keepalive), name in _by_tls(ours).items():
        # The directive takes no 0 before, and there was no need of it.
        said = keepalive is not None and (keepalive > 0 or build.at_least(*_KEPT_BY_DEFAULT_SINCE))
        lines = [f"    keepalive {keepalive};"] if said else []
        yield [f"upstream {name} {{", f"    server {address};", *lines, "}"]


def http_lines(block: ServerBlock, specs: Iterable[ServerSpec], folder: str, recorder: str) -> Iterator[str]:
    """What goes into the ``location /`` of an http server: how its upstream is met, and where it is."""
    tls = block.upstream_tls
    if tls is None or block.upstream is None:
        yield f"proxy_pass {block.upstream or f'http://{recorder}'};"
        return
    yield from tls_lines(tls, folder)
    if tls.keepalive:
        yield "proxy_http_version 1.1;"
        if "connection" not in {name.lower() for name, _ in block.forward}:
            yield 'proxy_set_header Connection "";'
    url = urlsplit(block.upstream)
    name = _by_tls(specs)[_address(block.upstream), tls.keepalive]
    yield f"proxy_pass {url.scheme}://{name}{url.path};"


def tls_lines(tls: UpstreamTls, folder: str) -> Iterator[str]:
    """The directives, alike in http and stream."""
    for directive, name, content in _named_files(tls):
        if content is not None:
            yield f"{directive} {text.file_path(folder, name, content)};"
    if tls.verify:
        yield "proxy_ssl_verify on;"
    if tls.depth is not None:
        yield f"proxy_ssl_verify_depth {tls.depth};"
    if tls.name is not None:
        yield f"proxy_ssl_name {tls.name};"
    if tls.server_name:
        yield "proxy_ssl_server_name on;"
    if tls.session_reuse is not None:
        yield f"proxy_ssl_session_reuse {'on' if tls.session_reuse else 'off'};"


def upstream_files(tls: UpstreamTls | None) -> Mapping[str, FileContent]:
    """The files those directives name, without their folder."""
    return {name: content for _, name, content in _named_files(tls) if content is not None} if tls else {}


KEY_FILE: Final = "upstream_key.pem"


def _named_files(tls: UpstreamTls) -> tuple[tuple[str, str, FileContent | None], ...]:
    return (
        ("proxy_ssl_certificate", "upstream_certificate.pem", tls.certificate),
        ("proxy_ssl_certificate_key", KEY_FILE, tls.key),
        ("proxy_ssl_trusted_certificate", "upstream_ca.pem", tls.trusted_ca),
        ("proxy_ssl_crl", "upstream_crl.pem", tls.crl),
    )


def _by_tls(specs: Iterable[ServerSpec]) -> dict[tuple[str, int | None], str]:
    """A name for each upstream that http servers meet by TLS: those that say the same share it, and its connections.

    To an address in ``proxy_pass`` nginx keeps no connection, whatever its default (seen with 1.30.6 and 1.31.3).
    """
    asked = [
        (_address(block.upstream), block.upstream_tls.keepalive)
        for spec in specs
        for block in spec.blocks
        if spec.protocol is Protocol.HTTP and block.upstream_tls and block.upstream
    ]
    return {each: f"upstream_{number}" for number, each in enumerate(dict.fromkeys(asked))}


def _address(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc if parts.port else f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"


def _own_lines(spec: ServerSpec) -> Iterator[str]:
    yield from spec.http_directives
    for block in spec.blocks:
        yield from block.directives
