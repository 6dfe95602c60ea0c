"""A connection to an nginx under test: what is asked over it, and the conclusion drawn from all that was seen.

Three witnesses are heard: the client's side (:class:`~pytest_mtls.probe.channel.Evidence`), nginx's log, and the
recorder behind nginx. None alone can tell: from the client's side most refusals look alike.
"""

from __future__ import annotations

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
from pytest_mtls.probe.channel import Channel, Ending
from pytest_mtls.probe.conclusion import is_accepted, layer_of, reason_of, refusal_of
from pytest_mtls.probe.http import Exchange, Http1Exchange, Http2Exchange, Request, Response
from pytest_mtls.probe.recorder import RECORD_HEADER, Recorder
from pytest_mtls.probe.session import Session

_LOG_GRACE: Final = 2.0
_LOG_GRACE_UNANSWERED: Final = 0.5
"""Where no answer came, nginx may have nothing to say either: it closed an idle connection."""
_LOG_GRACE_TIMEOUT: Final = 0.25
"""Where the client gave up, nginx may be waiting for somebody as well, and says nothing until that is over."""
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
        self._newer_than = newer_than
        self._sees_port = sees_port
        self._note = note
        self._log: ConnectionLog | None = None
        self._records_read = 0
        self._lines_read = 0
        self._exchange: Exchange | None = None
        self._exchanged = False
        self._handshake: Outcome | None = None

    @classmethod
    def open(
        cls,
        asked: Asked,
        context: ssl.SSLContext,
        *,
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
        """
        running.journal.read()
        newer_than = running.journal.highest_connection
        channel = Channel.open(
            listener.direct or listener.public,
            context,
            server_name=asked.server_name,
            session=asked.session,
            deadline=deadline,
        )
        return cls(
            asked,
            channel,
            running=running,
            recorder=recorder,
            url=f"https://localhost:{listener.public.port}",
            mode=mode,
            newer_than=newer_than,
            sees_port=listener.direct is not None,
            note=note,
        )

    @property
    def outcome(self) -> Outcome:
        """The handshake's: ``accepted`` says whether it completed, from the client's point of view."""
        if self._handshake is None:
            completed = self._channel.evidence.handshake_completed
            log = None if completed else self._await_log(answered=False)
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
        if self._asked.protocol is Protocol.STREAM:
            raise InvalidArgument("A stream server takes no requests; use connection.exchange(data).")
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

    def exchange(self, data: bytes, *, until: bytes | None = None, timeout: float = 10) -> bytes:
        """Send bytes to a stream server and return what comes back; empty once the connection has ended.

        Args:
            data: what is sent.
            until: what the answer ends with, such as ``b"\\r\\n"``. By default as many bytes are awaited as were sent,
                which is what the recorder gives.
            timeout: seconds after which what came so far is returned.
        """
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

    def close(self) -> None:
        """Close it. Doing so twice is no error."""
        self._channel.close()
        if self._log is not None:
            self._running.journal.forget(self._log.number)

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
        if self._channel.evidence.handshake_completed:
            response = self._exchange_for().send(request, deadline)
        # Taken before closing; with TLS 1.3 it has come by now, with the answer.
        session = self._channel.session(None)
        if last:
            self._channel.close()
        log = self._await_log(answered=response is not None)
        return self._note(self._conclude(response, log, self._story(method, host, path), session))

    def _ask_stream(self, message: bytes, deadline: Deadline) -> Outcome:
        received = self.exchange(message, timeout=deadline.remaining)
        session = self._channel.session(None)
        self._channel.close()
        log = self._await_log(answered=True)
        outcome = self._conclude(None, log, self._story("", None), session)
        return replace(outcome, body=received)

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

    def _await_log(self, *, answered: bool) -> ConnectionLog | None:
        """Wait for nginx to have written what it has to say: it answers first and logs afterwards."""
        journal = self._running.journal

        def written() -> ConnectionLog | None:
            seen = self._find_log()
            if seen is None:
                return None
            if len(seen.records) > self._records_read or (not answered and len(seen.lines) > self._lines_read):
                return seen
            return None

        grace = _LOG_GRACE if answered else _LOG_GRACE_UNANSWERED
        if self._channel.evidence.ending is Ending.TIMEOUT:
            grace = _LOG_GRACE_TIMEOUT
        seen = journal.wait_for(written, Deadline.after(grace)) or self._log
        if seen is None and (ended := self._running.exit_reason()) is not None:
            # Whoever answered, it was not this nginx: the address of one that is gone is soon somebody else's.
            raise ServerGone(f"nginx has died meanwhile ({ended}); its log has the reason.", log=journal.lines)
        return seen

    def _find_log(self) -> ConnectionLog | None:
        if self._log is None:
            journal, peer = self._running.journal, str(self._channel.local)
            if self._sees_port:
                self._log = journal.from_peer(peer, after=self._newer_than)
            if self._log is None and not (self._sees_port and self._running.build.has_debug):
                # Without the line at accept a failed handshake names no port: the oldest that can be ours is taken.
                self._log = journal.first_after(self._newer_than, peer=peer if self._sees_port else None)
        return self._log

    def _conclude(
        self, response: Response | None, log: ConnectionLog | None, story: Story, session: Session | None = None
    ) -> Outcome:
        evidence = self._channel.evidence
        lines = tuple(log.lines[self._lines_read :]) if log else ()
        record = log.records[-1] if log and len(log.records) > self._records_read else None
        layer = layer_of(self._asked.protocol, evidence)
        if layer is Layer.TLS:
            record = None  # the stream module logs a session even where the handshake failed; nobody was verified in it
        if log:
            self._records_read, self._lines_read = len(log.records), len(log.lines)
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
        detail = self._channel.evidence.detail
        return story_of(self._asked, url=self._url + path, mode=self._mode, method=method, host=host, detail=detail)
