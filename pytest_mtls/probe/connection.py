"""A connection to an nginx under test: what is asked over it, and the conclusion drawn from all that was seen.

Three witnesses are heard: the client's side (:class:`~pytest_mtls.probe.channel.Evidence`), nginx's log, and the
recorder behind nginx. None alone can tell: from the client's side most refusals look alike.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.journal import ConnectionLog
from pytest_mtls.engines.protocol import Listener, RunningNginx
from pytest_mtls.errors import InvalidArgument, ServerGone
from pytest_mtls.headers import Headers
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.outcome import Layer, Outcome, Story
from pytest_mtls.probe.asked import Asked, story_of
from pytest_mtls.probe.certificate_request import accepted_cas
from pytest_mtls.probe.channel import Channel, Ending, HintedCredential
from pytest_mtls.probe.conclusion import is_accepted, layer_of, reason_of, refusal_of
from pytest_mtls.probe.http import SWITCHING_PROTOCOLS, Exchange, Http1Exchange, Http2Exchange, Request, Response
from pytest_mtls.probe.log import LogWitness
from pytest_mtls.probe.recorder import RECORD_HEADER, Recorder
from pytest_mtls.probe.session import Session
from pytest_mtls.unclosed import release

_TICKET_GRACE: Final = 0.1
"""Seconds in which a TLS 1.3 server's first session ticket comes, where it sends any."""
_DEFAULT_MESSAGE: Final = b"ping\n"


class Connection:
    """A TLS connection to nginx that can be used more than once. Made by ``NginxServer.connect()``."""

    def __init__(
        self,
        asked: Asked,
        channel: Channel,
        *,
        running: RunningNginx,
        recorder: Recorder,
        url: str,
        mode: str,
        newer_than: int,
        sees_port: bool,
        note: Callable[[Outcome], Outcome],
    ) -> None:
        self._asked = asked
        self._channel = channel
        self._running = running
        self._recorder = recorder
        self._url = url
        self._mode = mode
        self._note = note
        self._witness = LogWitness(running, channel, newer_than=newer_than, sees_port=sees_port)
        self._exchange: Exchange | None = None
        self._exchanged = False
        self._upgraded = False
        self._handshake: Outcome | None = None

    @classmethod
    def open(
        cls,
        asked: Asked,
        context: ssl.SSLContext | None,
        *,
        hinted: HintedCredential | None,
        running: RunningNginx,
        listener: Listener,
        recorder: Recorder,
        mode: str,
        note: Callable[[Outcome], Outcome],
        deadline: Deadline,
    ) -> Connection:
        """Connect and shake hands.

        Raises:
            ServerGone: nobody listens.
            InvalidArgument: nobody listens on a plain port that was asked for.
        """
        address, url = asked.target(listener)
        running.journal.read()
        newer_than = running.journal.highest_connection
        try:
            channel = Channel.open(
                address,
                context,
                server_name=asked.server_name,
                session=asked.session,
                hinted=hinted,
                deadline=deadline,
            )
        except ServerGone as error:
            if asked.plain_port is None:
                raise
            raise InvalidArgument(
                f"plain={asked.plain_port}: {address} cannot be reached ({error.__cause__}); "
                f"have the server listen there: directives='listen {asked.plain_port};'."
            ) from error
        return cls(
            asked,
            channel,
            running=running,
            recorder=recorder,
            url=url,
            mode=mode,
            newer_than=newer_than,
            sees_port=listener.direct is not None,
            note=note,
        )

    @property
    def outcome(self) -> Outcome:
        """The handshake's: ``accepted`` says whether it completed, from the client's point of view. Of a plain
        connection it says that it was made."""
        if self._handshake is None:
            completed = self._is_open_for_data
            log = None if completed else self._witness.await_all(answered=False)
            self._handshake = self._conclude(None, log, self._story("", None))
            if completed:
                self._handshake = replace(self._handshake, accepted=True, layer=Layer.TLS)
        return self._handshake

    def request(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        host: str | None = None,
        timeout: float = 10,
    ) -> Outcome:
        """Ask over this connection, and leave it open. The arguments are those of ``NginxServer.request()``.

        A connection that nginx has closed meanwhile is an outcome too.

        Raises:
            InvalidArgument: this cannot be sent, or the server is one of byte streams.
        """
        if self._asked.protocol is Protocol.STREAM or self._upgraded:
            what = "An upgraded connection" if self._upgraded else "A stream server"
            raise InvalidArgument(f"{what} takes no requests; use connection.exchange(data).")
        self._must_be_open()
        named = host or self._asked.server_name or "localhost"
        return self._ask(path, method, headers, body, named, Deadline.after(timeout), last=False)

    def ask_once(
        self,
        path: str,
        *,
        method: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: bytes,
        host: str,
        deadline: Deadline,
    ) -> Outcome:
        """Ask, close, and conclude."""
        if self._asked.protocol is Protocol.STREAM:
            return self._note(self._ask_stream(body or _DEFAULT_MESSAGE, deadline))
        return self._ask(path, method, headers, body, host, deadline, last=True)

    def upgrade(
        self,
        path: str = "/",
        *,
        protocol: str = "websocket",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        host: str | None = None,
        timeout: float = 10,
    ) -> Outcome:
        """Ask to go on with another protocol (RFC 9110 section 7.8); after a 101, :meth:`exchange` goes through nginx.

        nginx passes the wish on only where it is told to: ``forward={"Upgrade": "$http_upgrade", "Connection":
        "upgrade"}`` and, before 1.29.7, ``directives="proxy_http_version 1.1;"``. The recorder grants it and echoes.
        nginx logs such a request when its connection ends, so ``verify`` and ``variables`` of the outcome are empty;
        what nginx knew of the client is in ``forwarded``, where ``forward=`` asks for it.

        Args:
            path: the request target.
            protocol: the Upgrade field. With ``"websocket"`` the fields of RFC 6455 section 4.1 are sent as well.
            headers: further fields.
            host: as for :meth:`request`.
            timeout: seconds for the answer.

        Raises:
            InvalidArgument: this is a stream server, HTTP/2 (RFC 9113 section 8.6) or an upgraded connection already.
        """
        if self._channel.evidence.alpn == "h2":
            raise InvalidArgument("HTTP/2 has no Upgrade (RFC 9113 section 8.6); use connect(http2=False).")
        if not isinstance(protocol, str) or not protocol:
            raise InvalidArgument(f"protocol={protocol!r} is no name for the Upgrade field, such as 'websocket'.")
        fields = [("Upgrade", protocol), ("Connection", "Upgrade")]
        if protocol == "websocket":
            key = base64.b64encode(os.urandom(16)).decode("ascii")
            fields += [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]
        given = headers.items() if isinstance(headers, Mapping) else headers
        outcome = self.request(path, headers=(*fields, *given), host=host, timeout=timeout)
        self._upgraded = outcome.status == SWITCHING_PROTOCOLS
        return outcome

    def exchange(self, data: bytes, *, until: bytes | None = None, timeout: float = 10) -> bytes:
        """Send bytes to a stream server, or over an upgraded connection, and return what comes back; empty once the
        connection has ended.

        Args:
            data: what is sent.
            until: what the answer ends with, such as ``b"\\r\\n"``. By default as many bytes are awaited as were sent,
                which is what the recorder gives.
            timeout: seconds after which what came so far is returned.
        """
        self._must_be_open()
        deadline = Deadline.after(timeout)
        self._let_handshake_end()
        self._channel.send(data, deadline)
        received = b""
        while len(received) < len(data) if until is None else not received.endswith(until):
            more = self._channel.receive(deadline)
            if not more:
                break
            received += more
        return received

    def _must_be_open(self) -> None:
        if self._channel.is_closed:
            raise InvalidArgument(
                "This connection was closed: by close(), or by the end of its `with` statement or of the test that "
                "opened it. Use connect() again."
            )

    def close(self) -> None:
        """Close it. Doing so twice is no error."""
        release(self)
        self._channel.close()
        self._witness.forget()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self,
        path: str,
        method: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: bytes,
        host: str,
        deadline: Deadline,
        *,
        last: bool,
    ) -> Outcome:
        fields = tuple(headers.items() if isinstance(headers, Mapping) else headers)
        request = Request(method=method, path=path, host=host, headers=fields, body=body, last=last)
        response = None
        if self._is_open_for_data:
            response = self._exchange_for().send(request, deadline)
        # Taken before closing; with TLS 1.3 it has come by now, with the answer.
        session = self._channel.session(None)
        if last:
            self._channel.close()
        switched = response is not None and response.status == SWITCHING_PROTOCOLS
        log = (
            self._witness.so_far()
            if switched
            else self._witness.await_all(answered=response is not None, deadline=deadline)
        )
        return self._note(self._conclude(response, log, self._story(method, host, path), session))

    def _ask_stream(self, message: bytes, deadline: Deadline) -> Outcome:
        received = self.exchange(message, timeout=deadline.remaining)
        session = self._channel.session(None)
        self._channel.close()
        log = self._witness.await_all(answered=not self._channel.evidence.plain, deadline=deadline)
        outcome = self._conclude(None, log, self._story("", None), session)
        return replace(outcome, body=received)

    @property
    def _is_open_for_data(self) -> bool:
        return self._channel.evidence.handshake_completed or self._channel.evidence.plain

    def _let_handshake_end(self) -> None:
        """Have nginx read the client's Finished by itself: its stream module forgets data that came in the same packet
        until more comes. Seen with 1.18.0 in one of twenty connections by TLS 1.3, and not with 1.22.1."""
        evidence, old = self._channel.evidence, not self._running.build.at_least(1, 22)
        if old and evidence.tls_version == "1.3" and not self._exchanged:
            self._channel.await_server(_TICKET_GRACE)
        self._exchanged = True

    def _exchange_for(self) -> Exchange:
        if self._exchange is None:
            http2 = self._channel.evidence.alpn == "h2"
            self._exchange = Http2Exchange(self._channel) if http2 else Http1Exchange(self._channel)
        return self._exchange

    def _conclude(
        self, response: Response | None, log: ConnectionLog | None, story: Story, session: Session | None = None
    ) -> Outcome:
        evidence = self._channel.evidence
        lines, record = self._witness.take(log)
        layer = layer_of(self._asked.protocol, evidence)
        if layer is Layer.TLS:
            record = None  # the stream module logs a session even where the handshake failed; nobody was verified in it
        forwarded = self._recorder.take(response.headers.get(RECORD_HEADER)) if response else None
        refusal = refusal_of(lines, record, log, self._asked.session if evidence.resumed else None)
        request = evidence.certificate_request
        return Outcome(
            accepted=is_accepted(self._asked.protocol, response, record, forwarded, refusal),
            layer=layer,
            status=response.status if response else None,
            internal_status=refusal.internal_status if self._asked.protocol is Protocol.HTTP else None,
            verify=record.variables.get("ssl_client_verify") if record else None,
            verify_code=refusal.code,
            reason=refusal.reason or evidence.alert or reason_of(response),
            alert=evidence.alert,
            ending=evidence.ending or (Ending.ANSWERED if response else None),
            tls_version=evidence.tls_version,
            cipher=evidence.cipher,
            resumed=evidence.resumed,
            session=replace(session, verify_code=refusal.code) if session else None,
            variables=MappingProxyType(record.variables if record else {}),
            forwarded=forwarded,
            headers=response.headers if response else Headers(),
            body=response.body if response else b"",
            accepted_cas=None if request is None else accepted_cas(request, evidence.tls_version),
            log=lines,
            nginx=self._running.build.version,
            openssl=self._running.build.openssl_version,
            story=story,
        )

    def _story(self, method: str, host: str | None, path: str = "") -> Story:
        evidence = self._channel.evidence
        return story_of(
            self._asked,
            url=self._url + path,
            mode=self._mode,
            method=method,
            host=host,
            detail=evidence.detail,
            withheld=evidence.withheld,
        )
