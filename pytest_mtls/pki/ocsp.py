"""An OCSP responder on this machine (RFC 6960): it answers what its authority says, or wrongly on purpose."""

from __future__ import annotations

import base64
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, Protocol, TypedDict
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.x509 import ocsp

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.http_listener import HttpListener, HttpRequest, Reply
from pytest_mtls.pki.ocsp_response import Issuer, OcspBehaviour, refusal

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mtls.pki.authority import CertificateAuthority

_LOOPBACK: Final = "127.0.0.1"
_CONTENT_TYPE: Final = "application/ocsp-response"  # RFC 6960 appendix A.2


class Reach(Protocol):
    """How a server of this machine is reached from somewhere: what an engine says of itself."""

    @property
    def upstream_bind(self) -> str:
        """The address of this machine to listen on."""

    @property
    def upstream_host(self) -> str:
        """The same as it is called there."""


class ResponderOptions(TypedDict, total=False):
    """The keyword arguments of a responder.

    Attributes:
        behaviour: see :class:`OcspBehaviour`; honest by default.
        delay: seconds to wait before each answer.
        lifetime: from now until an answer's nextUpdate; an hour by default.
    """

    behaviour: OcspBehaviour | str
    delay: float
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class OcspQuery:
    """What a responder was asked.

    Attributes:
        method: ``GET`` or ``POST``.
        serial_number: of the certificate asked about.
        issuer_name_hash: of its issuer's name, as DER.
        issuer_key_hash: of its issuer's public key.
        hash_algorithm: of these two, such as ``sha1``.
        nonce: which the answer repeats (RFC 9654), or ``None``; nginx sends none.
        when: it came, in UTC.
    """

    method: str
    serial_number: int
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    hash_algorithm: str
    nonce: bytes | None
    when: datetime


class OcspResponder:
    """A responder for what some authorities issued. It listens from when its address is first asked for until it is
    closed, which a ``with`` statement does, or until nobody refers to it any more. Threads may use it at once.

    Args:
        authorities: it speaks for these and all above them, each with its own key, since ``ssl_ocsp on`` asks one
            responder about a whole chain. To queries about others it answers ``unauthorized``.
        options: see :class:`ResponderOptions`; each can be changed later, as an attribute of that name.

    Raises:
        InvalidArgument: there is no such behaviour, or no authority was given.
    """

    def __init__(self, *authorities: CertificateAuthority, **options: Unpack[ResponderOptions]) -> None:
        every = dict.fromkeys(each for authority in authorities for each in _lineage(authority))
        if not every:
            raise InvalidArgument("OcspResponder() speaks for nobody: name at least one authority.")
        self._issuers = tuple(Issuer(authority) for authority in every)
        self._lock = threading.Lock()
        self._queries: list[OcspQuery] = []
        self.delay = options.get("delay", 0.0)
        self.lifetime = options.get("lifetime", timedelta(hours=1))
        # The listener's thread must not be what keeps a forgotten responder alive.
        own = weakref.ref(self)
        self._listener = HttpListener(lambda request: _answered_by(own(), request))
        self._finalizer = weakref.finalize(self, self._listener.close)
        self._behaviour = OcspBehaviour.HONEST
        self.behaviour = options.get("behaviour", OcspBehaviour.HONEST)

    @property
    def behaviour(self) -> OcspBehaviour:
        """What it does. Assign another, or its name: that is in force for whatever is asked afterwards.

        Whoever hangs meanwhile is let go, without an answer: nginx keeps the connection of a client who has long left,
        and an old worker with it, until the responder hangs up or ``client_header_timeout`` is over.
        """
        return self._behaviour

    @behaviour.setter
    def behaviour(self, value: OcspBehaviour | str) -> None:
        former = self._behaviour
        try:
            self._behaviour = OcspBehaviour(value)
        except ValueError:
            raise InvalidArgument.not_one_of("behaviour", value, OcspBehaviour) from None
        self._listener.set_up(self._behaviour is not OcspBehaviour.DOWN)
        if former is OcspBehaviour.HANGING:
            self._listener.hang_up()

    @property
    def authorities(self) -> tuple[CertificateAuthority, ...]:
        """Those it speaks for."""
        return tuple(issuer.authority for issuer in self._issuers)

    @property
    def url(self) -> str:
        """Its address on this machine, with a slash at the end.

        Raises:
            InvalidArgument: it was closed.
        """
        return self._url(_LOOPBACK, _LOOPBACK)

    def url_for(self, place: Reach) -> str:
        """Its address as it is called elsewhere: for an engine, as an nginx of that engine reaches it.

        Raises:
            InvalidArgument: it was closed.
            OSError: the address to listen on is not one of this machine.
        """
        return self._url(place.upstream_bind, place.upstream_host)

    @property
    def queries(self) -> tuple[OcspQuery, ...]:
        """What it was asked so far, in order; while it is down it is asked nothing."""
        with self._lock:
            return tuple(self._queries)

    @property
    def serials(self) -> tuple[int, ...]:
        """The serial numbers it was asked about, in order."""
        return tuple(query.serial_number for query in self.queries)

    def forget(self) -> None:
        """Forget what it was asked so far."""
        with self._lock:
            self._queries.clear()

    def close(self) -> None:
        """Stop listening, for good. Doing so twice is no error."""
        self._finalizer()

    def __enter__(self) -> OcspResponder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(authority.subject_dn for authority in self.authorities)
        return f"<OcspResponder of {names}: {self.behaviour}>"

    def _url(self, bind: str, host: str) -> str:
        if self._listener.closed:
            raise InvalidArgument("This OCSP responder was closed; make another, and close it after the last use.")
        return f"http://{f'[{host}]' if ':' in host else host}:{self._listener.port_on(bind)}/"

    def _answer(self, request: HttpRequest) -> Reply:
        behaviour, delay = self.behaviour, self.delay
        if request.method not in ("GET", "POST"):
            return Reply(_http("405 Method Not Allowed", "text/plain", b""))
        try:
            query = ocsp.load_der_ocsp_request(_encoded_query(request))
            self._note(request.method, query)
        except (ValueError, NotImplementedError):  # not a query, or one about several certificates
            return Reply(_http("200 OK", _CONTENT_TYPE, refusal(OcspBehaviour.MALFORMED_REQUEST) or b""), delay)
        if behaviour is OcspBehaviour.HANGING:
            return Reply(None, delay)
        body = self._response(query, behaviour)
        if behaviour is OcspBehaviour.EMPTY:
            body = b""
        elif behaviour is OcspBehaviour.MALFORMED:
            body = b"This is not DER.\n"
        status = "500 Internal Server Error" if behaviour is OcspBehaviour.HTTP_ERROR else "200 OK"
        kind = "text/html" if behaviour is OcspBehaviour.WRONG_CONTENT_TYPE else _CONTENT_TYPE
        return Reply(_http(status, kind, body), delay)

    def _response(self, query: ocsp.OCSPRequest, behaviour: OcspBehaviour) -> bytes:
        if (refused := refusal(behaviour)) is not None:
            return refused
        for issuer in self._issuers:
            if issuer.is_meant(query):
                return issuer.respond(query, behaviour, self.lifetime)
        return refusal(OcspBehaviour.UNAUTHORIZED) or b""

    def _note(self, method: str, query: ocsp.OCSPRequest) -> None:
        noted = OcspQuery(
            method,
            query.serial_number,
            query.issuer_name_hash,
            query.issuer_key_hash,
            query.hash_algorithm.name,
            next((each.value.nonce for each in query.extensions if isinstance(each.value, x509.OCSPNonce)), None),
            datetime.now(timezone.utc),
        )
        with self._lock:
            self._queries.append(noted)


def _lineage(authority: CertificateAuthority) -> Iterator[CertificateAuthority]:
    above: CertificateAuthority | None = authority
    while above is not None:
        yield above
        above = above.parent


def _answered_by(responder: OcspResponder | None, request: HttpRequest) -> Reply:
    return Reply(None) if responder is None else responder._answer(request)


def _encoded_query(request: HttpRequest) -> bytes:
    """The DER of a query: the body of a POST, or base64 in the path of a GET (RFC 6960 appendix A.1).

    Raises:
        ValueError: it is not base64.
    """
    if request.method == "POST":
        return request.body
    return base64.b64decode(unquote_to_bytes(request.target.lstrip("/")), validate=True)


def _http(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n".encode() + body
