"""One TLS connection to nginx that never raises for what nginx does, and remembers how it went.

TLS 1.3 lets a client believe in a connection that the server has already refused: the alert comes with the first read,
and a client that writes first may see a reset instead (RFC 8446 section 4.4.2.4 and the TCP race described in
docs/background.md). So a failed write is never the last word here: the channel goes on to read, and on Linux finds the
alert that came before.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.engines.protocol import Address
from pytest_mtls.errors import ServerGone
from pytest_mtls.probe.certificate_request import authority_names
from pytest_mtls.probe.session import Session
from pytest_mtls.reasons import alert_name

T = TypeVar("T")

_CHUNK: Final = 1 << 16
_ALERT: Final = 21
_HANDSHAKE: Final = 22
_CERTIFICATE_REQUEST: Final = 13
_TLS_NAMES: Final = {"TLSv1.2": "1.2", "TLSv1.3": "1.3"}
_TLS_1_3: Final = 0x0304


class Ending(str, Enum):
    """How a connection ended, as the client saw it."""

    ANSWERED = "answered"
    """With a whole answer; nothing else went wrong."""
    ALERT = "alert"
    """A fatal TLS alert came."""
    CLOSED = "closed"
    """The server said close_notify, or ended the stream in order."""
    RESET = "reset"
    """TCP was reset: the server closed with bytes unread."""
    TIMEOUT = "timeout"
    """Nothing more came in time."""
    UNREADABLE = "unreadable"
    """What came is not the protocol that was spoken, or more of it than any test needs."""
    NOT_SENT = "not sent"
    """The TLS library on this side refused: nothing of it reached nginx."""

    def __str__(self) -> str:
        return self.value


@dataclass(slots=True)
class Evidence:
    """What was seen on the wire. Filled in while the connection lives.

    Attributes:
        plain: no TLS was spoken, on purpose.
        handshake_completed: from the client's point of view.
        ending: how it ended; ``None`` while it lives.
        alert: the fatal alert that came, by its name in RFC 8446.
        detail: the library's own words for what went wrong on this side.
        certificate_request: the body of the server's CertificateRequest.
        withheld: the client had a certificate and kept it back, as the server's list names none of its issuers.
        tls_version: ``"1.2"`` or ``"1.3"``.
        cipher: the cipher suite's name.
        resumed: whether a session was taken up.
        alpn: the protocol agreed on, if any.
    """

    plain: bool = False
    handshake_completed: bool = False
    ending: Ending | None = None
    alert: str | None = None
    detail: str | None = None
    certificate_request: bytes | None = None
    withheld: bool = False
    tls_version: str | None = None
    cipher: str | None = None
    resumed: bool = False
    alpn: str | None = None


@dataclass(frozen=True, slots=True)
class HintedCredential:
    """What a client that obeys the server's list of CAs may present.

    Attributes:
        issuers: the names of those who issued the certificates of its chain, as DER.
        context: one that presents it.
    """

    issuers: frozenset[bytes]
    context: ssl.SSLContext

    def is_wanted(self, names: tuple[bytes, ...]) -> bool:
        """Whether the list is empty, which asks for any, or names one of the issuers (RFC 8446 section 4.2.4)."""
        return not names or not self.issuers.isdisjoint(names)


class EvidenceSocket(ssl.SSLSocket):
    """What a context of ours makes: a socket that its messages can be noted on."""

    evidence: Evidence
    hinted: HintedCredential | None


def note_message(
    connection: Any, direction: str, version: int, content_type: int, message_type: int, data: bytes
) -> None:
    """Called by ``ssl`` for each TLS message (``SSLContext._msg_callback``); keeps alerts and the CertificateRequest.

    It is the only way in the standard library to see an alert by number and the names of the CAs a server asks for.
    """
    if direction != "read" or not isinstance(connection, EvidenceSocket):
        return
    if content_type == _ALERT and len(data) == 2 and data[1] != 0:
        connection.evidence.alert = alert_name(data[1])
    elif content_type == _HANDSHAKE and message_type == _CERTIFICATE_REQUEST:
        connection.evidence.certificate_request = data
        _choose_certificate(connection, data, "1.3" if version == _TLS_1_3 else "1.2")


def _choose_certificate(connection: EvidenceSocket, request: bytes, tls_version: str) -> None:
    """What Go, Java and browsers do between the server's CertificateRequest and their own Certificate.

    ``ssl`` has no callback for it, but OpenSSL reports a message before it acts on it, and a connection takes its
    certificate from the context it is given meanwhile (``SSL_set_SSL_CTX``).
    """
    if connection.hinted is None:
        return
    if connection.hinted.is_wanted(authority_names(request, tls_version)):
        connection.context = connection.hinted.context
    else:
        connection.evidence.withheld = True


@dataclass(slots=True)
class Channel:
    """A TLS connection. Make one with :meth:`open`."""

    evidence: Evidence
    local: Address
    _socket: socket.socket | EvidenceSocket = field(repr=False)
    _unread: bytes = field(default=b"", repr=False)

    @classmethod
    def open(
        cls,
        address: Address,
        context: ssl.SSLContext | None,
        *,
        server_name: str | None = None,
        session: Session | None = None,
        hinted: HintedCredential | None = None,
        deadline: Deadline,
    ) -> Channel:
        """Connect and shake hands; how far that came stands in :attr:`evidence`.

        Args:
            address: whom to dial.
            context: ``None`` speaks no TLS at all.
            server_name: an IP address is not sent as SNI: ``ssl`` keeps to RFC 6066 section 3.
            session: to resume.
            hinted: what to present if the server's list of CAs allows it; the context then presents nothing.
            deadline: for all of it.

        Raises:
            ServerGone: nobody listens there.
            LimitReached: nobody was asked.
        """
        try:
            with within_limits(f"connect to nginx at {address}"):
                plain = _connect(address, deadline)
        except OSError as error:
            raise ServerGone(
                f"Tried to connect to nginx at {address}, saw: {error}. It was stopped, or has died."
            ) from error
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        local = Address(*plain.getsockname()[:2])
        channel = cls(Evidence(plain=context is None), local, plain)
        if context is not None:
            channel._shake_hands(context, server_name, session, hinted, deadline)
        return channel

    def _shake_hands(
        self,
        context: ssl.SSLContext,
        server_name: str | None,
        session: Session | None,
        hinted: HintedCredential | None,
        deadline: Deadline,
    ) -> None:
        evidence = self.evidence

        def shake() -> None:
            secure = context.wrap_socket(self._socket, server_hostname=server_name, do_handshake_on_connect=False)
            assert isinstance(secure, EvidenceSocket)
            secure.evidence, secure.hinted = evidence, hinted
            self._socket = secure
            if session is not None:
                session.offer_on(secure)
            _without_stale_errors(secure.do_handshake)
            evidence.handshake_completed = True
            evidence.tls_version = _TLS_NAMES.get(secure.version() or "", secure.version())
            evidence.cipher = (secure.cipher() or (None,))[0]
            evidence.resumed = bool(secure.session_reused)
            evidence.alpn = secure.selected_alpn_protocol()

        self._attempt(shake, deadline)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send; a failure is not final, the next :meth:`receive` tells what became of the connection."""
        if self.evidence.ending is not None:
            return
        self._socket.settimeout(max(deadline.remaining, 0.001))
        try:
            self._socket.sendall(data)
        except TimeoutError:
            self.evidence.ending = Ending.TIMEOUT
        except OSError:
            pass

    def await_server(self, seconds: float) -> None:
        """Wait for the server to send something, at most so long; what it is is left to be read."""
        if self.evidence.ending is None:
            sign = select.poll()
            sign.register(self._socket, select.POLLIN)
            sign.poll(seconds * 1000)

    def put_back(self, data: bytes) -> None:
        """Have the next :meth:`receive` give these bytes: what came after the end of an answer."""
        self._unread = data + self._unread

    def receive(self, deadline: Deadline) -> bytes:
        """What came next; empty once the connection has ended, and then :attr:`Evidence.ending` says how."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        if self.evidence.ending is None and deadline.expired:
            self.evidence.ending = Ending.TIMEOUT  # also where a server never stops talking
        if self.evidence.ending is not None:
            return b""
        data = self._attempt(lambda: _without_stale_errors(lambda: self._socket.recv(_CHUNK)), deadline)
        if not data and self.evidence.ending is None:
            self.evidence.ending = Ending.CLOSED
        return data or b""

    def session(self, verify_code: int | None) -> Session | None:
        """What is needed to resume from this connection; ``None`` where the handshake did not complete."""
        connection = getattr(self._socket, "_sslobj", None)
        if connection is None or not self.evidence.handshake_completed:
            return None
        return Session(self.evidence.tls_version or "", verify_code, connection, connection.context)

    @property
    def is_closed(self) -> bool:
        """Whether this side has closed it."""
        return self._socket.fileno() == -1

    def close(self) -> None:
        """Close it without waiting for the other side."""
        self._socket.close()

    def _attempt(self, act: Callable[[], Any], deadline: Deadline) -> Any:
        evidence = self.evidence
        self._socket.settimeout(max(deadline.remaining, 0.001))
        try:
            return act()
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            evidence.ending = Ending.ALERT if evidence.alert else Ending.CLOSED
        except ssl.SSLError as error:
            evidence.detail = error.reason or str(error)
            evidence.ending = _ending_of(error, evidence)
        except TimeoutError:
            evidence.ending = Ending.TIMEOUT
        except OSError as error:
            evidence.detail = error.strerror or str(error)
            evidence.ending = Ending.ALERT if evidence.alert else Ending.RESET
        return None


def _without_stale_errors(act: Callable[[], T]) -> T:
    """Do something with OpenSSL, and once more where the error was not the connection's.

    Presenting a chain that OpenSSL cannot fully read leaves an error in the thread's queue, and the next call that has
    to wait is taken to have failed with it (``SSL_get_error(3)``); ``ssl`` empties the queue when it raises.
    """
    try:
        return act()
    except ssl.SSLError as error:
        if error.library in (None, "SSL"):
            raise
    return act()


def _connect(address: Address, deadline: Deadline) -> socket.socket:
    """Connect to a numeric address, without the resolver that ``socket.create_connection`` asks even then."""
    plain = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        plain.settimeout(max(deadline.remaining, 0.001))
        plain.connect((address.host, address.port))
    except BaseException:
        plain.close()
        raise
    return plain


# What OpenSSL's client raises before or instead of sending: its own refusal, not the server's.
_OWN_REFUSALS: Final = ("NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "NO_SUITABLE_SIGNATURE_ALGORITHM")


def _ending_of(error: ssl.SSLError, evidence: Evidence) -> Ending:
    if evidence.alert:
        return Ending.ALERT
    if error.reason in _OWN_REFUSALS:
        return Ending.NOT_SENT
    if error.reason == "UNEXPECTED_EOF_WHILE_READING":
        return Ending.CLOSED
    return Ending.UNREADABLE
