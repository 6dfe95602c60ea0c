"""Requests as curl and openssl commands, each with what it should show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.export.history import Asked
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.pki.files import safe_file_name
from pytest_mtls.pki.states import CredentialState

if TYPE_CHECKING:
    from pytest_mtls.nginx.spec import ServerSpec
    from pytest_mtls.outcome import Expected, Outcome
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.states import Credentials

CLIENTS: Final = "clients"
CA: Final = "server-ca.pem"
PING: Final = "ping"

_PORT: Final = "$PORT"
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/?=&%~+,@*-]*")

_WORTH_SHOWING: Final = (
    CredentialState.NONE,
    CredentialState.VALID,
    CredentialState.EXPIRED,
    CredentialState.UNKNOWN_CA,
    CredentialState.REVOKED,
)
_PAGES: Final = {495: "The SSL certificate error", 496: "No required SSL certificate was sent"}


@dataclass(frozen=True, slots=True)
class Step:
    """One request, and what it should show.

    Attributes:
        asked: the request.
        stem: what the credential's files are called; ``None`` for none.
        title: in words.
        shows: what a reader should see.
        answer: what tells it by machine: the HTTP status, or for a stream ``served`` or ``closed``; ``None`` where it
            is not known.
    """

    asked: Asked
    stem: str | None
    title: str
    shows: str
    answer: str | None

    def commands(self, protocol: Protocol) -> Iterator[list[str]]:
        """The arguments for curl, where that is of use, and for openssl; ``$PORT`` is left to the shell."""
        if protocol is Protocol.HTTP:
            yield ["curl", *self._curl()]
        yield ["openssl", *self._openssl()]

    def request(self, protocol: Protocol) -> str:
        """What goes through openssl, in the notation of printf."""
        if protocol is Protocol.STREAM:
            return PING
        asked = self.asked
        return rf"{asked.method} {asked.path} HTTP/1.0\r\nHost: {asked.host or 'localhost'}\r\n\r\n".replace("%", "%%")

    def _curl(self) -> Iterator[str]:
        asked = self.asked
        name = asked.server_name or "127.0.0.1"
        yield from ("--cacert", CA)
        if asked.server_name is not None:
            yield from ("--resolve", f"{name}:$PORT:127.0.0.1")
        if asked.host and asked.host != name:
            yield from ("--header", f"Host: {asked.host}")
        if asked.method == "HEAD":
            yield "--head"
        elif asked.method != "GET":
            yield from ("--request", asked.method)
        if self.stem is not None:
            yield from ("--cert", f"{CLIENTS}/{self.stem}.chain.pem", "--key", f"{CLIENTS}/{self.stem}.key.pem")
        yield f"https://{name}:$PORT{asked.path}"

    def _openssl(self) -> Iterator[str]:
        asked = self.asked
        yield from ("s_client", "-quiet", "-connect", "127.0.0.1:$PORT", "-CAfile", CA)
        yield from ("-servername", asked.server_name) if asked.server_name is not None else ("-noservername",)
        if self.stem is not None:
            yield from ("-cert", f"{CLIENTS}/{self.stem}.crt.pem", "-key", f"{CLIENTS}/{self.stem}.key.pem")
            if asked.credential is not None and asked.credential.chain:
                yield from ("-cert_chain", f"{CLIENTS}/{self.stem}.chain.pem")


def quoted(command: Iterable[str]) -> str:
    """For a shell, with ``$PORT`` still its variable."""
    return " ".join(map(_word, command))


def _word(text: str) -> str:
    if _PORT not in text:
        return shlex.quote(text)
    if _PLAIN.fullmatch(text.replace(_PORT, "")):
        return f'"{text}"'
    return f'"{_PORT}"'.join(shlex.quote(part) for part in text.split(_PORT))


def default_requests(cast: Credentials, spec: ServerSpec) -> list[Asked]:
    """What to ask a server that was never asked."""
    name = spec.default.names[0]
    name = "localhost" if "*" in name or name == "_" else name
    method, host = ("GET", name) if spec.protocol is Protocol.HTTP else ("", None)
    crl = spec.default.crl is not None
    states = [state for state in _WORTH_SHOWING if crl or state is not CredentialState.REVOKED]
    return [Asked(cast[state], method, "/", name, host) for state in states]


def make_steps(
    answers: Iterable[tuple[Asked, Outcome | None]],
    protocol: Protocol,
    cast: Credentials,
    expected: Callable[[CredentialState, str | None], Expected],
) -> tuple[list[Step], list[str]]:
    """Steps for these requests, and one sentence for each that no command line can make.

    Args:
        answers: the requests, with what nginx made of them where that is known.
        protocol: of the server.
        cast: the credentials about which the oracle knows.
        expected: the oracle, for a state and a server name.
    """
    steps: list[Step] = []
    left_out: list[str] = []
    stems: dict[Credential, str] = {}
    for asked, outcome in answers:
        credential = asked.credential
        if credential is not None and not credential.matches_key:
            left_out.append(f"{credential}: curl and openssl refuse a key of another certificate")
            continue
        if not f"{asked.method}{asked.path}{asked.host}".isprintable() or "\\" in f"{asked.path}{asked.host}":
            left_out.append(f"{asked.path!r} at {asked.host!r}: a shell's printf would send something else")
            continue
        foreseen = _foreseen(asked, cast, expected)
        result = foreseen or outcome
        stem = None if credential is None else stems.setdefault(credential, _stem(credential, stems.values()))
        steps.append(
            Step(
                asked=asked,
                stem=stem,
                title=_title(asked, stem),
                shows=_shows(result, protocol, "foretold" if foreseen else "as seen when this was exported"),
                answer=_answer(result, protocol),
            )
        )
    return steps, left_out


def _foreseen(
    asked: Asked, cast: Credentials, expected: Callable[[CredentialState, str | None], Expected]
) -> Expected | None:
    state = _state(asked.credential, cast)
    # Of a Host that is not the SNI the oracle knows nothing, nor of an application's own answers.
    if state is None or asked.host not in (None, asked.server_name) or asked.path != "/":
        return None
    try:
        return expected(state, asked.server_name)
    except InvalidArgument:
        return None


def _state(credential: Credential | None, cast: Credentials) -> CredentialState | None:
    """Which of the cast it is; each is called as its state is."""
    if credential is None:
        return CredentialState.NONE
    for state in CredentialState:
        if credential.subject_dn == f"CN={state}":
            return state if cast[state] == credential else None
    return None


def _stem(credential: Credential, taken: Iterable[str]) -> str:
    """A file name of its own for each credential, whatever their subjects are."""
    used = {each.lower() for each in taken}
    stem = safe_file_name(credential.name or str(credential))
    number, candidate = 1, stem
    while candidate.lower() in used:
        number += 1
        candidate = f"{stem}-{number}"
    return candidate


def _title(asked: Asked, stem: str | None) -> str:
    who = "no certificate" if stem is None else f"the certificate {stem}"
    name = f"SNI {asked.server_name}" if asked.server_name else "no SNI"
    host = f", Host {asked.host}" if asked.host and asked.host != asked.server_name else ""
    what = "" if asked.method in ("", "GET") and asked.path == "/" else f", {asked.method} {asked.path}"
    return f"{who} ({name}{host}{what})"


def _shows(result: Expected | Outcome | None, protocol: Protocol, source: str) -> str:
    if result is None:
        return "not known: nginx was changed since it was asked"
    if result.layer.value == "tls":
        return f"a TLS failure{f', alert {result.alert}' if result.alert else ''} ({source})"
    number = f", OpenSSL's {result.verify_code}" if result.verify_code is not None else ""
    why = f"{result.reason}{number}; {source}" if result.reason else source
    if protocol is Protocol.STREAM:
        return f"{'an answer' if result.accepted else 'the connection closed without an answer'} ({why})"
    page = _PAGES.get(result.internal_status or 0) if result.status == 400 else None
    verify = f", $ssl_client_verify {result.verify.partition(':')[0]}" if result.verify and not page else ""
    return f"HTTP {result.status}{f' {page!r}' if page else ''}{verify} ({why})"


def _answer(result: Expected | Outcome | None, protocol: Protocol) -> str | None:
    if result is None or result.layer.value == "tls":
        return None
    if protocol is Protocol.STREAM:
        return "served" if result.accepted else "closed"
    return str(result.status) if result.status is not None else None
