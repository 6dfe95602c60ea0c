"""A TLS session that can be offered again, by anyone."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What a client may keep of a connection to resume it later (RFC 8446 section 2.2, RFC 5077).

    It can be handed to any request, with any credential or none: what nginx then makes of it is nginx's business.

    Attributes:
        tls_version: ``"1.2"`` or ``"1.3"``, of the connection it came from.
        verify_code: OpenSSL's number for the certificate of that connection; nginx stores the result in the session and
            does not check again (``SSL_get_verify_result``), so it is the resumed connection's too.
    """

    tls_version: str
    verify_code: int | None
    # The connection's TLS state, which outlives its socket. Copying the session out of it costs a third of a
    # millisecond, and few outcomes are ever resumed from: so that is done when one is.
    _connection: Any = field(repr=False)
    _context: ssl.SSLContext = field(repr=False)

    def offer_on(self, connection: ssl.SSLSocket) -> None:
        """Offer it on a connection whose handshake has not begun.

        The standard library only takes a session back on a connection of the context it came from, and a context
        carries the credential. So the connection is lent that context for the moment; assigning its own again gives it
        back its own certificate, or none (``SSL_set_SSL_CTX``).
        """
        own = connection.context
        connection.context = self._context
        connection.session = self._connection.session
        connection.context = own
