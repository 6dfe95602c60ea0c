"""What an nginx cannot do: said before it is started, in words that name what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pytest_mtls.errors import NginxLacksFeature
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import Protocol, ServerSpec

_OCSP_SINCE: Final = {Protocol.HTTP: (1, 19, 0), Protocol.STREAM: (1, 27, 2)}
"""The version of nginx that brought ``ssl_ocsp``, for each module (CHANGES)."""


def refuse_what_is_missing(specs: Iterable[ServerSpec], build: NginxBuild) -> None:
    """Stop where nginx would only say that it does not know a directive.

    Raises:
        NginxLacksFeature: this nginx cannot do what one of ``specs`` asks.
    """
    for spec in specs:
        for lacking in _lacking(spec, build):
            raise NginxLacksFeature(f"{build} {lacking}")


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
    since = _OCSP_SINCE[spec.protocol]
    if any(block.ocsp for block in spec.blocks) and not build.at_least(*since):
        yield (
            f"cannot ask an OCSP responder about clients in {spec.protocol}, which ocsp= needs: nginx can since "
            f"{'.'.join(map(str, since))}"
        )
