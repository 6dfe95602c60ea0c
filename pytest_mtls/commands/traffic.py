"""What comes in at a server that is kept up: a line for each request, and for each handshake that failed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_mtls.report.terminal import Paint

if TYPE_CHECKING:
    from pytest_mtls.engines.journal import ConnectionLog, Journal, Record
    from pytest_mtls.server import NginxServer

_KEPT: Final = 1000
_HANDSHAKE: Final = re.compile(r"SSL_do_handshake\(\) failed \((.*?)\) while SSL handshaking")
_NO_TLS: Final = "client sent plain HTTP request to HTTPS port"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, or one handshake that failed.

    Attributes:
        status: as nginx logged it; ``None`` where the handshake failed.
        verify: ``$ssl_client_verify``, or what went wrong before there was one.
        subject: what the client showed.
        tls_version: such as ``TLSv1.3``.
    """

    status: int | None
    verify: str
    subject: str = ""
    tls_version: str = ""

    def line(self, paint: Paint) -> str:
        """For a human."""
        refused = self.status is None or self.status >= 400
        colour = "red" if refused else "yellow" if self.verify.startswith("FAILED") else "green"
        status = "TLS" if self.status is None else str(self.status)
        about = "  ".join(part for part in (self.verify, self.subject, self.tls_version) if part)
        return f"{paint(time.strftime('%H:%M:%S'), 'dim')}  {paint(status, colour)}  {about}"


class Traffic:
    """Reads a server's log for what is new. Connections beyond the last thousand are forgotten."""

    def __init__(self, server: NginxServer) -> None:
        self._running = server.running
        self._journal: Journal = server.running.journal
        self._shown: dict[int, int] = {}
        self._next = self._journal.highest_connection + 1

    @property
    def ended(self) -> str | None:
        """How nginx ended, or ``None`` while it runs."""
        return self._running.exit_reason()

    def new(self) -> Iterator[Request]:
        """What has come in since the last time."""
        self._journal.read()
        newest = self._journal.highest_connection
        self._shown |= dict.fromkeys(range(self._next, newest + 1), 0)
        self._next = newest + 1
        for number in list(self._shown):
            log = self._log(number)
            found = _requests(log) if log is not None else []
            yield from found[self._shown[number] :]
            self._shown[number] = len(found)
        for number in list(self._shown)[:-_KEPT]:
            del self._shown[number]
            self._journal.forget(number)

    def _log(self, number: int) -> ConnectionLog | None:
        try:
            return self._journal.connection(number)
        except KeyError:
            return None  # one of nginx's own, to what lies behind it


def _requests(log: ConnectionLog) -> list[Request]:
    failures = [Request(None, match[1]) for line in log.lines if (match := _HANDSHAKE.search(line))]
    return failures + [_request(record, log) for record in log.records]


def _request(record: Record, log: ConnectionLog) -> Request:
    value = record.variables.get
    verify = value("ssl_client_verify", "")
    if not verify and any(_NO_TLS in line for line in log.lines):
        verify = "plain HTTP on a TLS port"
    return Request(record.status, verify, value("ssl_client_s_dn", ""), value("ssl_protocol", ""))
