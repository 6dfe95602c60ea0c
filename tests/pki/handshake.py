"""A TLS handshake in memory, between two contexts of the standard library."""

from __future__ import annotations

import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Handshake:
    """How it ended.

    Attributes:
        server_error: OpenSSL's name for why the server broke it off, ``None`` if it did not.
        client_error: the same for the client, which may have noticed only afterwards.
        peer: the client's certificate as the server has it, DER.
    """

    server_error: str | None
    client_error: str | None
    peer: bytes | None


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, server_name: str = "localhost") -> Handshake:
    """Pass bytes to and fro until both are done or one has broken it off."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {
        "client": client.wrap_bio(to_client, to_server, server_hostname=server_name),
        "server": server.wrap_bio(to_server, to_client, server_side=True),
    }
    errors: dict[str, str | None] = {"client": None, "server": None}
    done: set[str] = set()
    for _ in range(10):
        for name, end in ends.items():
            if name not in done:
                try:
                    end.do_handshake()
                    done.add(name)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    errors[name] = error.reason
                    done.add(name)
    peer = None if errors["server"] else ends["server"].getpeercert(binary_form=True)
    return Handshake(errors["server"], errors["client"], peer)


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    """The context, speaking that version alone."""
    context.minimum_version = context.maximum_version = version
    return context


def server_context(trust: bytes, *, strict: bool = False) -> ssl.SSLContext:
    """A server that requires a client certificate; its own must still be loaded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=trust.decode())
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context
