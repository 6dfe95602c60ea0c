"""HTTP/1.1 and HTTP/2 over a channel, by the sans-I/O libraries h11 and h2."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Protocol

import h11

from pytest_mtls.deadline import Deadline
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.headers import Headers
from pytest_mtls.probe.channel import Channel, Ending

SWITCHING_PROTOCOLS: Final = 101
_STATUS: Final = re.compile(rb"[1-5][0-9][0-9]")
_LARGEST_HEAD: Final = 1 << 20
_LARGEST_BODY: Final = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request as it is to be sent.

    Attributes:
        method: such as ``GET``.
        path: the request target.
        host: the Host field, or ``:authority``.
        headers: further fields, in order; names and values go out as they are.
        body: sent with its length.
        last: whether the server is told to close after it.
    """

    method: str
    path: str
    host: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    last: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """What came back."""

    status: int
    headers: Headers
    body: bytes


class Exchange(Protocol):
    """Requests one after another on one connection."""

    def send(self, request: Request, deadline: Deadline) -> Response | None:
        """Ask and wait for the whole answer; ``None`` where none came, and then the channel's evidence says why."""


class Http1Exchange:
    """HTTP/1.1."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)

    def send(self, request: Request, deadline: Deadline) -> Response | None:
        """Ask and wait for the whole answer."""
        self._channel.send(self._encode(request), deadline)
        try:
            response = self._receive(deadline)
        except h11.RemoteProtocolError as error:
            evidence = self._channel.evidence
            evidence.detail = evidence.detail or str(error)
            evidence.ending = Ending.UNREADABLE
            return None
        if response is not None and self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
        return response

    def _encode(self, request: Request) -> bytes:
        fields: list[tuple[str, str]] = [("Host", request.host)]
        if request.last:
            fields.append(("Connection", "close"))
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            fields.append(("Content-Length", str(len(request.body))))
        given = {name.lower() for name, _ in request.headers}
        fields = [field for field in fields if field[0].lower() not in given]
        try:
            head = self._state.send(
                h11.Request(
                    method=request.method,
                    target=request.path,
                    headers=[
                        (name.encode("latin-1"), value.encode("latin-1")) for name, value in (*fields, *request.headers)
                    ],
                )
            )
            body = self._state.send(h11.Data(request.body)) if request.body else b""
            end = self._state.send(h11.EndOfMessage())
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise _cannot_be_sent(error) from error
        return (head or b"") + (body or b"") + (end or b"")

    def _receive(self, deadline: Deadline) -> Response | None:
        head: h11.Response | None = None
        body = bytearray()
        begun = False
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                data = self._channel.receive(deadline)
                begun = begun or bool(data)
                # An end is only worth telling h11 where it may be the end of a body; before any byte it is no answer.
                if not data and not (begun and self._channel.evidence.ending is Ending.CLOSED):
                    return None
                self._state.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.InformationalResponse) and event.status_code == SWITCHING_PROTOCOLS:
                self._channel.put_back(self._state.trailing_data[0])
                return Response(event.status_code, Headers.from_raw(event.headers.raw_items()), b"")
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _LARGEST_BODY:
                    raise h11.RemoteProtocolError(f"a body of more than {_LARGEST_BODY} bytes")
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                return Response(head.status_code, Headers.from_raw(head.headers.raw_items()), bytes(body))
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return None


def _cannot_be_sent(error: Exception) -> InvalidArgument:
    return InvalidArgument(
        f"This request cannot be sent ({error}): check method, path and headers for line breaks, spaces and "
        "characters outside ISO 8859-1."
    )


class Http2Exchange:
    """HTTP/2."""

    def __init__(self, channel: Channel) -> None:
        import h2.config
        import h2.connection

        # The request may be as odd as the test wants it: it is for nginx to refuse it.
        config = h2.config.H2Configuration(client_side=True, header_encoding=None, validate_outbound_headers=False)
        self._channel = channel
        self._state = h2.connection.H2Connection(config)
        self._state.initiate_connection()

    def send(self, request: Request, deadline: Deadline) -> Response | None:
        """Ask and wait for the whole answer."""
        from h2.exceptions import ProtocolError

        stream = _H2Stream(self._state.get_next_available_stream_id())
        try:
            self._send_head(request, stream)
            self._send_body(request.body, stream, deadline)
            while not stream.ended:
                if not self._receive(stream, deadline):
                    return None
        except ProtocolError as error:
            self._channel.evidence.detail = str(error)
            self._channel.evidence.ending = Ending.UNREADABLE
            return None
        response = stream.response()
        if response is None:
            self._channel.evidence.detail = "an answer without a status"
            self._channel.evidence.ending = Ending.UNREADABLE
        return response

    def _send_head(self, request: Request, stream: _H2Stream) -> None:
        fields = [
            (":method", request.method),
            (":scheme", "https"),
            (":authority", request.host),
            (":path", request.path),
            *((name.lower(), value) for name, value in request.headers),
        ]
        try:
            encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        except UnicodeEncodeError as error:
            raise _cannot_be_sent(error) from error
        self._state.send_headers(stream.id, encoded, end_stream=not request.body)

    def _send_body(self, body: bytes, stream: _H2Stream, deadline: Deadline) -> None:
        """Send as much as the server's windows allow, and read in between: they only open when it says so."""
        while body and not stream.ended:
            room = min(self._state.local_flow_control_window(stream.id), self._state.max_outbound_frame_size)
            if room > 0:
                chunk, body = body[:room], body[room:]
                self._state.send_data(stream.id, chunk, end_stream=not body)
            elif not self._receive(stream, deadline):
                return
        self._channel.send(self._state.data_to_send(), deadline)

    def _receive(self, stream: _H2Stream, deadline: Deadline) -> bool:
        """Take in what comes next; whether there was anything, and the connection goes on."""
        import h2.events

        self._channel.send(self._state.data_to_send(), deadline)
        data = self._channel.receive(deadline)
        for event in self._state.receive_data(data) if data else ():
            if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                self._channel.evidence.detail = type(event).__name__
                self._channel.evidence.ending = Ending.CLOSED
                return stream.ended
            if getattr(event, "stream_id", None) != stream.id:
                continue
            if isinstance(event, h2.events.ResponseReceived):
                stream.fields = [(bytes(name), bytes(value)) for name, value in event.headers or ()]
            elif isinstance(event, h2.events.DataReceived):
                stream.body += event.data or b""
                self._state.acknowledge_received_data(event.flow_controlled_length or 0, stream.id)
            elif isinstance(event, h2.events.StreamEnded):
                stream.ended = True
        if len(stream.body) > _LARGEST_BODY:
            self._channel.evidence.ending = Ending.UNREADABLE
            return False
        return bool(data)


@dataclass(slots=True)
class _H2Stream:
    """What has come of one answer."""

    id: int
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def response(self) -> Response | None:
        """``None`` where it has no status of three digits (RFC 9110 section 15)."""
        status = next((value for name, value in self.fields if name == b":status"), b"")
        if not _STATUS.fullmatch(status):
            return None
        headers = Headers.from_raw(pair for pair in self.fields if not pair[0].startswith(b":"))
        return Response(int(status), headers, bytes(self.body))
