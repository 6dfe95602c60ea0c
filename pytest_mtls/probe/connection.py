"""A connection to an nginx under test: what is asked over it, and the conclusion drawn from all that was seen.

Three witnesses are heard: the client's side (:class:`~pytest_mtls.probe.channel.Evidence`), nginx's log, and the
recorder behind nginx. None alone can tell: from the client's side most refusals look alike.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pytest_mtls.arguments import tls_versions
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.journal import ConnectionLog, Record
from pytest_mtls.engines.protocol import Listener, RunningNginx
from pytest_mtls.errors import InvalidArgument, MtlsError
from pytest_mtls.headers import Headers
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import TLS_VERSIONS, Protocol
from pytest_mtls.outcome import Layer, Outcome, Story
from pytest_mtls.pki.credential import Credential
from pytest_mtls.probe.certificate_request import accepted_cas
from pytest_mtls.probe.channel import Channel, Ending, Evidence
from pytest_mtls.probe.http import Exchange, Http1Exchange, Http2Exchange, Request, Response
from pytest_mtls.probe.recorder import RECORD_HEADER, Forwarded, Recorder
from pytest_mtls.probe.session import Session
from pytest_mtls.reasons import verify_reason

_LOG_GRACE: Final = 2.0
_DEFAULT_MESSAGE: Final = b"ping\n"

# nginx's own words, from ngx_http_process_request and ngx_stream_ssl_handler; OpenSSL's are never looked at.
_VERIFY_ERROR: Final = re.compile(r"client SSL certificate verify error: (?:\((\d+):.*?\)|(.*?)) while ")
_NO_CERTIFICATE: Final = "client sent no required SSL certificate"
_PLAIN_HTTP: Final = "client sent plain HTTP request to HTTPS port"
_OCSP_REASONS: Final = {
    "certificate revoked": "certificate_revoked",
    "certificate status unknown": "ocsp_status_unknown",
    "certificate status request failed": "ocsp_request_failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a connection is to be made."""

    credential: Credential | None
    tls: tuple[str, ...]
    server_name: str | None
    session: Session | None
    http2: bool
    protocol: Protocol

    @classmethod
    def checked(
        cls,
        *,
        credential: Credential | None,
        tls: str | Iterable[str] | None,
        server_name: str | None,
        session: Session | None,
        http2: bool,
        protocol: Protocol,
    ) -> Asked:
        """The same, with every value looked at.

        Raises:
            InvalidArgument: one of them cannot be sent.
        """
        if credential is not None and not isinstance(credential, Credential):
            raise InvalidArgument(
                f"credential={credential!r} is no Credential; mtls_ca.issue_client('name') makes one."
            )
        if session is not None and not isinstance(session, Session):
            raise InvalidArgument(
                f"session={session!r} is no Session; take the one of a former outcome: outcome.session."
            )
        if server_name is not None:
            try:
                server_name.encode("idna")
            except (UnicodeError, AttributeError) as error:
                raise InvalidArgument(
                    f"server_name={server_name!r} cannot be sent as SNI ({error}); "
                    "give a host name, or None to send none."
                ) from error
        versions = TLS_VERSIONS if tls is None else tls_versions(tls)
        return cls(
            credential=credential,
            tls=versions,
            server_name=server_name,
            session=session,
            http2=http2,
            protocol=protocol,
        )


def unloadable(asked: Asked, error: Exception, build: NginxBuild, *, mode: str, url: str) -> Outcome:
    """The outcome of a credential that OpenSSL on this side would not load."""
    return Outcome(
        accepted=False,
        layer=Layer.CLIENT,
        reason="key_mismatch" if isinstance(error, MtlsError) else "credential_not_loadable",
        ending=Ending.NOT_SENT,
        nginx=build.version,
        openssl=build.openssl_version,
        story=_story(asked, url=url, mode=mode, method="", host=None, detail=str(error)),
    )


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

    def exchange(self, data: bytes, *, timeout: float = 10) -> bytes:
        """Send bytes to a stream server and return what comes back; empty once the connection has ended."""
        deadline = Deadline.after(timeout)
        self._channel.send(data, deadline)
        received = b""
        while len(received) < len(data):
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
        session = self._channel.take_session(None)
        if last:
            self._channel.close()
        log = self._await_log(answered=response is not None)
        return self._note(self._conclude(response, log, self._story(method, host, path), session))

    def _ask_stream(self, message: bytes, deadline: Deadline) -> Outcome:
        received = self.exchange(message, timeout=deadline.remaining)
        session = self._channel.take_session(None)
        self._channel.close()
        log = self._await_log(answered=True)
        outcome = self._conclude(None, log, self._story("", None), session)
        return replace(outcome, body=received)

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

        return journal.wait_for(written, Deadline.after(_LOG_GRACE)) or self._log

    def _find_log(self) -> ConnectionLog | None:
        if self._log is None:
            journal = self._running.journal
            if self._sees_port:
                self._log = journal.from_peer(str(self._channel.local), after=self._newer_than)
            else:
                self._log = journal.first_after(self._newer_than)
        return self._log

    def _conclude(
        self, response: Response | None, log: ConnectionLog | None, story: Story, session: Session | None = None
    ) -> Outcome:
        evidence = self._channel.evidence
        lines = tuple(log.lines[self._lines_read :]) if log else ()
        record = log.records[-1] if log and len(log.records) > self._records_read else None
        layer = _layer(self._asked.protocol, evidence)
        if layer is Layer.TLS:
            record = None  # the stream module logs a session even where the handshake failed; nobody was verified in it
        if log:
            self._records_read, self._lines_read = len(log.records), len(log.lines)
        forwarded = self._recorder.take(response.headers.get(RECORD_HEADER)) if response else None
        refusal = _refusal(lines, record, log, self._asked.session if evidence.resumed else None)
        request = evidence.certificate_request
        return Outcome(
            accepted=_accepted(self._asked.protocol, response, record, forwarded, refusal),
            layer=layer,
            status=response.status if response else None,
            internal_status=refusal.internal_status if self._asked.protocol is Protocol.HTTP else None,
            verify=record.variables.get("ssl_client_verify") if record else None,
            verify_code=refusal.code,
            reason=refusal.reason or evidence.alert or _reason_of(response),
            alert=evidence.alert,
            ending=evidence.ending or (Ending.ANSWERED if response else None),
            tls_version=evidence.tls_version,
            cipher=evidence.cipher,
            resumed=evidence.resumed,
            session=replace(session, verify_code=refusal.code) if session else None,
            variables=record.variables if record else {},
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
        return _story(self._asked, url=self._url + path, mode=self._mode, method=method, host=host, detail=detail)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What nginx's log said against a request."""

    internal_status: int | None = None
    code: int | None = None
    reason: str | None = None


def _refusal(
    lines: Iterable[str], record: Record | None, log: ConnectionLog | None, resumed_from: Session | None
) -> _Refusal:
    for line in lines:
        if found := _VERIFY_ERROR.search(line):
            code = int(found[1]) if found[1] else None
            return _Refusal(495, code, verify_reason(code) or _OCSP_REASONS.get(found[2] or "", "ocsp_failed"))
        if _NO_CERTIFICATE in line:
            return _Refusal(496, None, "no_certificate")
        if _PLAIN_HTTP in line:
            return _Refusal(497, None, "plain_http")
    verify = record.variables.get("ssl_client_verify", "") if record else ""
    if not verify.startswith("FAILED"):
        return _Refusal()
    # Tolerated, so nginx logged nothing: the number stands in the last call of the verify callback, or came with the
    # session.
    if log and log.verifications:
        code = log.verifications[-1].error
    else:
        code = resumed_from.verify_code if resumed_from else None
    return _Refusal(None, code, verify_reason(code) or "certificate_not_verified")


def _layer(protocol: Protocol, evidence: Evidence) -> Layer:
    if evidence.ending is Ending.NOT_SENT:
        return Layer.CLIENT
    if not evidence.handshake_completed or evidence.alert:
        return Layer.TLS
    return Layer.HTTP if protocol is Protocol.HTTP else Layer.STREAM


def _accepted(
    protocol: Protocol, response: Response | None, record: Record | None, forwarded: Forwarded | None, refusal: _Refusal
) -> bool:
    """Whether the request reached what lies behind the check."""
    if forwarded is not None or (record is not None and record.upstream_contacted):
        return True
    if protocol is Protocol.STREAM:
        return record is not None and record.status == 200
    # nginx answered by itself: a page of an error_page is not what the check protects.
    return response is not None and response.status < 400 and refusal.internal_status is None


def _reason_of(response: Response | None) -> str | None:
    return "misdirected_request" if response is not None and response.status == 421 else None


def _story(asked: Asked, *, url: str, mode: str, method: str, host: str | None, detail: str | None) -> Story:
    return Story(
        url=url,
        method=method,
        server_name=asked.server_name,
        host=host,
        credential=None if asked.credential is None else asked.credential.subject_dn,
        mode=mode,
        resumed_from=asked.session is not None,
        detail=detail,
        curl=_curl(asked, url, method, host) if asked.protocol is Protocol.HTTP else (),
    )


def _curl(asked: Asked, url: str, method: str, host: str | None) -> tuple[str, ...]:
    """A command for a human: with the files' usual names, and nothing written."""
    port = url.rpartition(":")[2].partition("/")[0]
    path = url.partition(port)[2]
    name = asked.server_name or "127.0.0.1"
    command = ["curl", "--insecure", "--include"]
    if asked.server_name not in (None, "localhost"):
        command += ["--resolve", f"{name}:{port}:127.0.0.1"]
    if host and host != name:
        command += ["--header", f"Host: {host}"]
    if asked.credential is not None:
        command += ["--cert", "certs/client.chain.pem", "--key", "certs/client.key.pem"]
    if asked.tls != TLS_VERSIONS:
        command += [f"--tlsv{asked.tls[0]}", "--tls-max", asked.tls[-1]]
    if method not in ("", "GET"):
        command += ["--request", method]
    return (*command, f"https://{name}:{port}{path or '/'}")
