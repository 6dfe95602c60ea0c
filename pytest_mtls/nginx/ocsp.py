"""Asking about client certificates by OCSP: the values nginx takes, since when it can, and its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_mtls.errors import InvalidConfigValue, NginxUnavailable

if TYPE_CHECKING:
    from pytest_mtls.nginx.build import NginxBuild
    from pytest_mtls.nginx.spec import Protocol, ServerBlock

SCOPES: Final = ("leaf", "on")
"""The values of ``ssl_ocsp`` that ask anybody."""

SINCE: Final = {"http": (1, 19, 0), "stream": (1, 27, 2)}
"""The version of nginx that brought ``ssl_ocsp``, for each module (CHANGES)."""

_CACHE: Final = re.compile(r"off|shared:[A-Za-z0-9_]+:\d+[kKmM]?")
_RESPONDER: Final = re.compile(r"https?://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(?:/[A-Za-z0-9_./%~-]*)?")


def cache(value: str) -> str:
    """A value for ``ssl_ocsp_cache``.

    Raises:
        InvalidConfigValue: it is not of nginx's forms.
    """
    if not isinstance(value, str) or not _CACHE.fullmatch(value):
        raise InvalidConfigValue(f"Ocsp cache={value!r} is not understood; use 'shared:NAME:1m', or 'off'.")
    return value


def responder_url(value: str) -> str:
    """A URL for ``ssl_ocsp_responder``. That nginx refuses ``https`` is left to nginx.

    Raises:
        InvalidConfigValue: it is not a plain URL.
    """
    if not _RESPONDER.fullmatch(value):
        raise InvalidConfigValue(f"ocsp: responder {value!r} is not a plain URL such as 'http://ocsp.example.org/'.")
    return value


def directives(block: ServerBlock, protocol: Protocol, build: NginxBuild) -> Iterator[str]:
    """The lines of a server that asks; none of one that does not.

    Raises:
        NginxUnavailable: this nginx cannot ask.
    """
    check = block.ocsp
    if check is None:
        return
    since = SINCE[protocol.value]
    if not build.at_least(*since):
        raise NginxUnavailable(
            f"{build} cannot ask an OCSP responder about clients in {protocol}, which ocsp= needs: nginx can since "
            f"{'.'.join(map(str, since))}. Name another nginx with --mtls-nginx, or nginx=."
        )
    yield f"ssl_ocsp {check.scope};"
    if check.responder is not None:
        yield f"ssl_ocsp_responder {check.responder};"
    if check.cache is not None:
        yield f"ssl_ocsp_cache {check.cache};"
