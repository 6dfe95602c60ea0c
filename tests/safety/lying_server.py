"""A TLS server that is no nginx: it says whatever it is told to, for as long as somebody listens."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_mtls import CertificateAuthority

Say = Callable[[socket.socket], None]
"""What it does with a connection: after the handshake, or before any where it speaks no TLS."""

_TICK = 0.05


@contextlib.contextmanager
def lying_server(say: Say, folder: Path | None = None, *, alpn: str = "http/1.1") -> Iterator[int]:
    """One for as long as it is used, on a free port of loopback.

    Args:
        say: what it does with each connection, one after another.
        folder: for its certificate; ``None`` for a server that speaks no TLS.
        alpn: the protocol it agrees to.
    """
    context = None if folder is None else _context(folder, alpn)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(_TICK)

        def serve() -> None:
            while not ended.is_set():
                with contextlib.suppress(OSError), listening.accept()[0] as plain:
                    plain.settimeout(1)
                    talking = plain if context is None else context.wrap_socket(plain, server_side=True)
                    with talking:
                        talking.settimeout(_TICK)
                        while not ended.is_set():
                            say(talking)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            ended.set()
            thread.join(10)


def _context(folder: Path, alpn: str) -> ssl.SSLContext:
    files = CertificateAuthority("liar").issue_server("localhost").write_to(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    context.set_alpn_protocols([alpn])
    return context
