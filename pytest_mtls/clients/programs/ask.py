"""Asks once with a library of Python: ``ask.py LIBRARY URL LOWEST HIGHEST FOLDER SECONDS``.

Says what it saw as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pytest_mtls.probe import clients

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def main(library: str, url: str, lowest: str, highest: str, folder: str, seconds: str) -> None:
    """Ask, and say what came of it."""
    try:
        context = _context(Path(folder))
    except (OSError, ValueError) as error:
        _say(_failure(error, unloadable=True))
        return
    context.minimum_version, context.maximum_version = _VERSIONS[lowest], _VERSIONS[highest]
    try:
        _say(_ASK[library](url, context, float(seconds)))
    except Exception as error:
        _say(_failure(error, unloadable=False))


def _context(folder: Path) -> ssl.SSLContext:
    context = clients.ssl_context(None, (folder / "trust.pem").read_bytes())
    if (folder / "chain.pem").exists():
        encrypted = (folder / "encrypted").exists()
        password = (folder / "passphrase").read_text().rstrip("\n") if encrypted else ""
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem", lambda: password)
    return context


def _with_requests(url: str, context: ssl.SSLContext, seconds: float) -> dict[str, Any]:
    with clients.requests_session(context) as session:
        response = session.get(url, timeout=seconds)
        return _answer(response.status_code, response.headers.items(), response.content)


def _with_httpx(url: str, context: ssl.SSLContext, seconds: float) -> dict[str, Any]:
    with clients.httpx_client(url, context, timeout=seconds) as client:
        response = client.get(url)
        return _answer(response.status_code, response.headers.multi_items(), response.content)


def _with_httpx2(url: str, context: ssl.SSLContext, seconds: float) -> dict[str, Any]:
    import httpx2

    with httpx2.Client(verify=context, trust_env=False, timeout=seconds) as client:
        response = client.get(url)
        return _answer(response.status_code, response.headers.multi_items(), response.content)


def _with_aiohttp(url: str, context: ssl.SSLContext, seconds: float) -> dict[str, Any]:
    import aiohttp

    async def ask() -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, ssl=context) as response:
            return _answer(response.status, response.headers.items(), await response.read())

    return asyncio.run(ask())


_ASK = {"requests": _with_requests, "httpx": _with_httpx, "httpx2": _with_httpx2, "aiohttp": _with_aiohttp}


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> dict[str, Any]:
    return {"status": status, "headers": list(headers), "body": b64encode(body).decode("ascii")}


def _failure(error: BaseException, *, unloadable: bool) -> dict[str, Any]:
    chain = list(_chain(error))
    text = next((str(each) for each in reversed(chain) if str(each)), "")
    return {"errors": [type(each).__name__ for each in chain], "text": text, "unloadable": unloadable}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on: libraries keep that in several places."""
    seen = set[int]()
    each: object = error
    while isinstance(each, BaseException) and id(each) not in seen:
        seen.add(id(each))
        yield each
        places = (
            each.__cause__,
            *each.args,
            getattr(each, "reason", None),
            getattr(each, "os_error", None),
            each.__context__,
        )
        each = next((place for place in places if isinstance(place, BaseException) and id(place) not in seen), None)


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
