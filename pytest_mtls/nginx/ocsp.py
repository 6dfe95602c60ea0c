"""Asking about client certificates by OCSP: the values nginx takes, and its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_mtls.errors import InvalidConfigValue

if TYPE_CHECKING:
    from pytest_mtls.nginx.spec import ServerBlock

SCOPES: Final = ("leaf", "on")
"""The values of ``ssl_ocsp`` that ask anybody."""

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


def directives(block: ServerBlock) -> Iterator[str]:
    """The lines of a server that asks; none of one that does not."""
    check = block.ocsp
    if check is None:
        return
    yield f"ssl_ocsp {check.scope};"
    if check.responder is not None:
        yield f"ssl_ocsp_responder {check.responder};"
    if check.cache is not None:
        yield f"ssl_ocsp_cache {check.cache};"
