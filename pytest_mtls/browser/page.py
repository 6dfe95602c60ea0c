"""What a browser showed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_mtls.headers import Headers

if TYPE_CHECKING:
    from pytest_mtls.probe.recorder import Forwarded


@dataclass(frozen=True, slots=True)
class Page:
    """One page, as a reader has it before them.

    Attributes:
        url: where the browser ended up, after redirects.
        status: of the response; ``None`` where there was none.
        headers: of the response. A browser gives each name once.
        text: what can be read on it.
        error: Chromium's name for what went wrong, such as ``net::ERR_EMPTY_RESPONSE``; ``None`` where a page came, be
            it nginx's 400.
        screenshot: what the window shows, as PNG.
        verify: ``$ssl_client_verify`` as nginx had it; ``None`` where nginx saw no request.
        withheld: whether the browser has a certificate and kept it back.
        forwarded: what the application behind received; ``None`` if nothing arrived, or if it is not the recorder.
    """

    url: str
    status: int | None
    headers: Headers = field(repr=False)
    text: str
    error: str | None
    screenshot: bytes = field(repr=False)
    verify: str | None = None
    withheld: bool = False
    forwarded: Forwarded | None = field(default=None, repr=False)
