"""One request over TLS with ``ssl`` and ``socket``, and asking until somebody answers."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_SECONDS = 10.0
_PAUSE = 0.001


def client_context() -> ssl.SSLContext:
    """A context that trusts anybody: what is asked is whether an answer comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(address: tuple[str, int], context: ssl.SSLContext) -> bytes:
    """Connect, shake hands, ask, and read until the server closes."""
    answer = b""
    with (
        socket.create_connection(address, _SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(_REQUEST)
        while received := secure.recv(1 << 16):
            answer += received
    return answer


def ask_until_answered(address: tuple[str, int], context: ssl.SSLContext, ended: Callable[[], str | None]) -> None:
    """Ask again and again until something answers.

    Args:
        address: whom.
        context: how.
        ended: what the server said before it died, once it has.

    Raises:
        RuntimeError: it has died, or ten seconds have passed.
    """
    expires = time.monotonic() + _SECONDS
    while True:
        try:
            if ask(address, context).startswith(b"HTTP/1.1 "):
                return
            saw = "no answer"
        except OSError as error:
            saw = str(error)
        if (said := ended()) is not None:
            raise RuntimeError(f"the bare nginx at {address} ended: {said}")
        if time.monotonic() > expires:
            raise RuntimeError(f"waited {_SECONDS:g} s for the bare nginx at {address}; last seen: {saw}")
        time.sleep(_PAUSE)
