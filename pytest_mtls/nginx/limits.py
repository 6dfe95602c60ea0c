"""What an nginx cannot do: said before it is started, in words that name what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_mtls.errors import NginxUnavailable
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import Protocol, ServerSpec


def refuse_what_is_missing(specs: Iterable[ServerSpec], build: NginxBuild) -> None:
    """Stop where nginx would only say that it does not know a directive.

    Raises:
        NginxUnavailable: this nginx cannot do what one of ``specs`` asks.
    """
    for spec in specs:
        for lacking in _lacking(spec, build):
            raise NginxUnavailable(f"{build} {lacking}. Name another nginx with --mtls-nginx, or nginx=.")


def _lacking(spec: ServerSpec, build: NginxBuild) -> Iterator[str]:
    stream = spec.protocol is Protocol.STREAM
    if stream and not build.has_stream_ssl:
        yield (
            "has no stream module with TLS, which protocol='stream' needs: it is neither compiled in "
            "(--with-stream --with-stream_ssl_module) nor known where it could be loaded from"
        )
    if stream and len(spec.blocks) > 1 and not build.at_least(1, 25, 5):
        yield "cannot tell stream servers apart by name, which several of them need: nginx can since 1.25.5"
    if spec.http2 and not build.has_http2:
        yield "was built without HTTP/2 (--with-http_v2_module), which http2=True needs"
    for block in spec.blocks:
        if block.verify.needs_ca and block.client_ca is None and not build.at_least(1, 27, 2):
            yield f"needs client_ca for verify={str(block.verify)!r}: trusted_ca alone is enough since nginx 1.27.2"
