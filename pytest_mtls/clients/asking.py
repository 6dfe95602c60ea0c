"""Asking an nginx with a client: what the client showed, and what nginx says of the connection that it made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_mtls.clients.catalogue import named, usable
from pytest_mtls.clients.client import Client, Found, Question
from pytest_mtls.clients.files import question_files
from pytest_mtls.clients.outcome import ClientOutcome, Shown
from pytest_mtls.control import ControlledNginx
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.journal import ConnectionLog, Journal, Record
from pytest_mtls.errors import InvalidArgument, ServerGone
from pytest_mtls.headers import Headers
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.outcome import Layer, Story
from pytest_mtls.pki.pem import load_certificates
from pytest_mtls.probe.asked import Asked, story_of
from pytest_mtls.probe.channel import Ending
from pytest_mtls.probe.conclusion import is_accepted, reason_of, refusal_of
from pytest_mtls.probe.recorder import RECORD_HEADER
from pytest_mtls.symptoms import recognise

if TYPE_CHECKING:
    from pytest_mtls.evidence import Evidence
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.trustme import TrustmeLeafCert

DEFAULT_SECONDS: Final = 20.0
_NAME: Final = "localhost"
_GRACE: Final = 2.0
_GRACE_UNANSWERED: Final = 0.5
"""As for the probe: nginx may have nothing to say of a connection that brought no request."""
_GRACE_AFTER_LINES: Final = 0.05
# nginx's own words for a handshake that did not end (ngx_ssl_handshake, ngx_http_ssl_handshake_handler).
_NO_HANDSHAKE: Final = ("SSL_do_handshake() failed", "in SSL handshake", "while SSL handshaking")
_TLS_NAMES: Final = {"TLSv1.2": "1.2", "TLSv1.3": "1.3"}


def ask(
    server: ControlledNginx,
    client: str,
    path: str = "/",
    *,
    credential: Credential | TrustmeLeafCert | None = None,
    tls: str | Iterable[str] | None = None,
    key_password: str | None = None,
    trust: bytes | None = None,
    timeout: float = DEFAULT_SECONDS,
) -> ClientOutcome:
    """Have a client make one GET request to ``https://localhost:PORT``, and say what nginx did and what it showed.

    Each request is a process of its own. One at a time asks an nginx; whoever asks the same nginx from another thread
    at that moment, without a client, can be taken for it.

    Args:
        server: who is asked; ``server.request_with(...)`` is this function.
        client: ``curl``, ``openssl``, ``go``, ``node-https``, ``node-fetch``, ``java``, ``requests``, ``httpx``,
            ``httpx2`` or ``aiohttp``.
        path: the request target.
        credential: what it presents; ``None`` presents no certificate. Whether it does so is up to the client.
        tls: versions to offer, ``"1.2"``, ``"1.3"`` or both; both by default.
        key_password: what the key's file is encrypted with (PKCS #8); by default it is not. Java reads PKCS #12, which
            is encrypted in any case.
        trust: PEM of the authorities that may have issued the server's certificate; by default those that did.
        timeout: seconds after which it is killed, with all it started; that is the outcome ``Ending.TIMEOUT``.

    Raises:
        ClientUnavailable: the client is not here, or too old; the message has the command that installs it.
        ServerGone: nginx is not running.
        InvalidArgument: there is no such client, or this cannot be asked.
    """
    chosen = named(client)
    _check(server, path, key_password)
    asked = Asked.checked(
        credential=credential,
        tls=tls,
        server_name=_NAME,
        session=None,
        http2=None,
        protocol=server.spec.protocol,
        serves_http2=server.spec.http2,
        plain=False,
        security_level=0,
        obeys_ca_hints=False,
        signature_algorithms=(),
    )
    if trust is not None:
        load_certificates(trust)
    found = usable(chosen)
    journal = server.running.journal
    # Which port a client uses it does not say: its connections are those that nginx counts while it runs.
    with (
        journal.turn,
        question_files(asked.credential, server.trust if trust is None else trust, key_password) as files,
    ):
        journal.read()
        newer_than = journal.highest_connection
        question = Question(address=server.listener.public, path=path, tls=asked.tls, files=files, seconds=timeout)
        shown = _run(chosen, question, found)
        log = _heard(server, shown, newer_than)
        outcome = _conclude(server, chosen, found, asked, path, shown, log)
        for each in _since(journal, newer_than):
            journal.forget(each.number)
    for observe in server.observers:
        observe(outcome)
    return outcome


def _check(server: ControlledNginx, path: str, key_password: str | None) -> None:
    if not server.spec.tls:
        raise InvalidArgument("request_with() speaks TLS, and this listener does not; use request(plain=True).")
    if not path.startswith("/") or not path.isascii() or any(each.isspace() for each in path):
        raise InvalidArgument(
            f"path={path!r} cannot be asked for: it begins with a slash, and is ASCII without spaces."
        )
    if key_password is not None and (not key_password or not key_password.isprintable()):
        raise InvalidArgument(f"key_password={key_password!r} does not fit in one line; give some characters.")
    if (ended := server.running.exit_reason()) is not None:
        raise ServerGone(f"nginx has died ({ended}); its log has the reason.", log=server.log, config=server.config)


def _run(client: Client, question: Question, found: Found) -> Shown:
    try:
        return client.ask(question, found)
    except OSError as error:
        return Shown(text=str(error), unloadable=True)


def _heard(server: ControlledNginx, shown: Shown, newer_than: int) -> ConnectionLog | None:
    """The connection that brought the request, once nginx has written what it has to say of it; else the last one.

    Raises:
        ServerGone: nginx said nothing and has died.
    """
    journal = server.running.journal
    if shown.unloadable:
        journal.read()
    else:
        # A request leaves a record. One that never came leaves lines, and of those more may be on their way.
        is_sure = shown.response is not None or shown.killed
        found = _await(journal, newer_than, _GRACE if is_sure else _GRACE_UNANSWERED, lines=not is_sure)
        if found is not None and not found.records:
            _await(journal, newer_than, _GRACE_AFTER_LINES, lines=False)
        if found is None and (ended := server.running.exit_reason()) is not None:
            raise ServerGone(f"nginx has died meanwhile ({ended}); its log has the reason.", log=journal.lines)
    every = list(_since(journal, newer_than))
    return next((seen for seen in every if seen.records), every[-1] if every else None)


def _await(journal: Journal, newer_than: int, seconds: float, *, lines: bool) -> ConnectionLog | None:
    """The first connection that nginx has a record of, or where ``lines`` are enough, has said something about."""

    def written() -> ConnectionLog | None:
        return next((seen for seen in _since(journal, newer_than) if seen.records or (lines and seen.lines)), None)

    return journal.wait_for(written, Deadline.after(seconds))


def _since(journal: Journal, number: int) -> Iterator[ConnectionLog]:
    while (seen := journal.first_after(number)) is not None:
        yield seen
        number = seen.number


def _conclude(
    server: ControlledNginx,
    client: Client,
    found: Found,
    asked: Asked,
    path: str,
    shown: Shown,
    log: ConnectionLog | None,
) -> ClientOutcome:
    protocol, build = asked.protocol, server.running.build
    lines = tuple(log.lines) if log else ()
    layer = _layer(protocol, shown, log)
    # The stream module logs a session even where the handshake failed; nobody was verified in it.
    record = log.records[-1] if log and log.records and layer in (Layer.HTTP, Layer.STREAM) else None
    response = shown.response
    forwarded = server.recorder.take(response.headers.get(RECORD_HEADER)) if response else None
    refusal = refusal_of(lines, record, log, None)
    said = recognise(str(shown).encode()) if shown.response is None else None
    alert = said.alert if said and layer is not Layer.CLIENT else None
    variables = record.variables if record else {}
    return ClientOutcome(
        client=client.name,
        client_version=found.version,
        shown=shown,
        accepted=is_accepted(protocol, response, record, forwarded, refusal),
        layer=layer,
        status=response.status if response else None,
        internal_status=refusal.internal_status if protocol is Protocol.HTTP else None,
        verify=variables.get("ssl_client_verify"),
        verify_code=refusal.code,
        reason=refusal.reason or _reason(layer, lines, said) or alert or reason_of(response),
        alert=alert,
        ending=_ending(shown, layer, alert),
        tls_version=_TLS_NAMES.get(variables.get("ssl_protocol", "")),
        cipher=variables.get("ssl_cipher") or None,
        resumed=variables.get("ssl_session_reused") == "r",
        variables=MappingProxyType(variables),
        forwarded=forwarded,
        headers=response.headers if response else Headers(),
        body=response.body if response else b"",
        log=lines,
        nginx=build.version,
        openssl=build.openssl_version,
        story=_story(server, asked, path, shown, record),
    )


def _layer(protocol: Protocol, shown: Shown, log: ConnectionLog | None) -> Layer:
    if shown.unloadable or log is None:
        return Layer.CLIENT
    if any(words in line for line in log.lines for words in _NO_HANDSHAKE) and not _was_refused_in_stream(log):
        return Layer.TLS
    if protocol is Protocol.HTTP:
        # Node looks at the server's certificate after the handshake, and then leaves without a request.
        return Layer.HTTP if log.records or shown.killed else Layer.TLS
    return Layer.STREAM


def _was_refused_in_stream(log: ConnectionLog) -> bool:
    """The stream module judges the client `while SSL handshaking`, though the handshake has ended."""
    return refusal_of(log.lines, None, log, None).internal_status is not None


def _reason(layer: Layer, lines: Iterable[str], said: Evidence | None) -> str | None:
    if layer is Layer.CLIENT:
        return (said.reason if said else None) or "credential_not_loadable"
    if layer is not Layer.TLS:
        return None
    logged = (recognise(line.encode("utf-8", "surrogateescape")) for line in lines)
    return next((each.reason for each in (*logged, said) if each and each.reason), None)


def _ending(shown: Shown, layer: Layer, alert: str | None) -> Ending:
    if shown.killed:
        return Ending.TIMEOUT
    if shown.response is not None:
        return Ending.ANSWERED
    if layer is Layer.CLIENT:
        return Ending.NOT_SENT
    # Whether the end of TCP comes as a reset is a matter of luck with any of them (docs/clients.md).
    return Ending.ALERT if alert else Ending.CLOSED


def _story(server: ControlledNginx, asked: Asked, path: str, shown: Shown, record: Record | None) -> Story:
    withheld = (
        asked.credential is not None and record is not None and record.variables.get("ssl_client_verify") == "NONE"
    )
    return story_of(
        asked,
        url=f"{server.url}{path}",
        mode=str(server.spec.named(asked.sni).verify),
        method="GET",
        host=_NAME,
        detail=shown.text or None,
        withheld=withheld,
    )
