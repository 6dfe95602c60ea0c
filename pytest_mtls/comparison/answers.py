"""An answer as what can be compared: one value for each aspect, without what differs by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_mtls.outcome import Outcome
from pytest_mtls.probe.recorder import RECORD_HEADER
from pytest_mtls.report.verdict import Verdict
from pytest_mtls.server import NginxServer

ANSWER: Final = "answer"
WORDING: Final = "wording of $ssl_client_verify"
HTTP_VERSION: Final = "received: HTTP version"
TLS_VERSION: Final = "TLS version"
ABSENT: Final = "nothing"

_UNSTEADY: Final = frozenset(
    {"date", "server", "content-length", "etag", "last-modified", "connection", "keep-alive", "transfer-encoding"}
    | {RECORD_HEADER.lower()}
)
_SERVER: Final = re.compile(rb"nginx/[\d.]+")
_ABOUT_CLIENTS: Final = tuple(
    f"ssl_client_{name}" for name in ("s_dn", "i_dn", "s_dn_legacy", "i_dn_legacy", "serial", "fingerprint")
)
_LONGEST: Final = 400
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one side answered.

    Attributes:
        aspects: name -> value; what it says of the version that is running, or of a free port, is left out.
        outcome: all of it.
    """

    aspects: Mapping[str, str]
    outcome: Outcome

    @classmethod
    def of(cls, outcome: Outcome, chosen: Mapping[str, str]) -> Answer:
        """From an outcome.

        Args:
            outcome: what one side did.
            chosen: see :func:`chosen_by_the_test`.
        """
        verify = outcome.verify or ""
        aspects = {name: _steady(value, verify, chosen) for name, value in _aspects(outcome)}
        return cls(aspects | {WORDING: verify}, outcome)

    def in_variables(self, aspect: str) -> str:
        """The value, or the name of the variable of which it is the value: the same for every client."""
        value = self.aspects.get(aspect, ABSENT)
        return next(
            (f"${name}" for name in _ABOUT_CLIENTS if value and self.outcome.variables.get(name) == value), value
        )


def chosen_by_the_test(server: NginxServer) -> dict[str, str]:
    """Addresses and ports of this run -> what is the same in every run: the port that is written."""
    found: dict[str, str] = {}
    for written in server.listeners:
        listener = server.listener_for(written).listener
        for each in (listener.public, listener.direct or listener.public):
            found |= {str(each.port): written.rpartition(":")[2], each.host: _HOST}
    return found


def _aspects(outcome: Outcome) -> Iterator[tuple[str, str]]:
    forwarded = outcome.forwarded
    arrived = ", reached the application" if forwarded is not None else ""
    yield ANSWER, f"{Verdict.of(outcome).words.strip()}{arrived}"
    yield "let in", "yes" if outcome.accepted else "no"
    yield "decided by", str(outcome.layer)
    if outcome.tls_version:
        yield TLS_VERSION, outcome.tls_version
    yield "list of CAs", ", ".join(outcome.accepted_cas) if outcome.accepted_cas is not None else ABSENT
    if forwarded is not None:
        yield "received: request line", f"{forwarded.method} {forwarded.target}"
        yield HTTP_VERSION, forwarded.version
        for name in forwarded:
            yield f"received: {name}", "\n".join(forwarded.get_all(name))
    else:
        for name in outcome.headers:
            if name.lower() not in _UNSTEADY:
                yield f"sent: {name}", "\n".join(outcome.headers.get_all(name))
        yield "sent: body", _SERVER.sub(b"nginx", outcome.body).decode("utf-8", "replace")


def differing(answers: Sequence[Answer]) -> set[str]:
    """The aspects in which they are not all alike."""
    names = {name for answer in answers for name in answer.aspects}
    found = {name for name in names if len({answer.aspects.get(name, ABSENT) for answer in answers}) > 1}
    # A handshake that failed has no version, which is no difference of its own.
    return found - ({TLS_VERSION} if any(TLS_VERSION not in answer.aspects for answer in answers) else set())


def _steady(value: str, verify: str, chosen: Mapping[str, str]) -> str:
    if verify.startswith("FAILED:"):
        value = value.replace(verify, "$ssl_client_verify")
    for this, always in chosen.items():
        value = re.sub(rf"(?<![\d.]){re.escape(this)}(?![\d.])", always, value)
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}... ({len(value)} bytes)"
