"""What every side is asked, alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.states import Credentials, CredentialState
from pytest_mtls.site.reading import UNKNOWN_NAME

_FORGERY: Final = "CN=forged-by-the-client"
_TELLING: Final = (CredentialState.NONE, CredentialState.VALID, CredentialState.EXPIRED)

SUBJECTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "non-ASCII name": {"subject": "CN=müller,O=Example"},
    "name with a slash": {"subject": "CN=alice/CN=admin,O=Example"},
    "name with a comma": {"subject": r"CN=alice\,CN=admin,O=Example"},
    "two common names": {"subject": "CN=admin,CN=alice,O=Example"},
    "empty subject": {"subject": "", "sans": ["DNS:device.example"]},
    "certificate of 10 KB": {
        "subject": "CN=large",
        "sans": [f"DNS:device-{number:030}.example" for number in range(190)],
    },
}
"""Clients whose names have changed their look between versions, and one that does not fit into every header."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Attributes:
        name: in words; the same on every side.
        who: a state of the cast, or one of :data:`SUBJECTS`.
        headers: sent along.
        how: further arguments of ``request()``.
    """

    name: str
    who: str
    headers: tuple[tuple[str, str], ...] = ()
    how: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> CredentialState | None:
        """The credential, where it is of the cast."""
        return None if self.who in SUBJECTS else CredentialState(self.who)


@dataclass(eq=False)
class Clients:
    """Who asks: the cast of a server's own authority, and :data:`SUBJECTS` issued by it; the same on every side."""

    _minted: dict[tuple[int, str], Credential] = field(default_factory=dict)

    def of(self, who: str, cast: Credentials) -> Credential | None:
        """The one of that name."""
        if who not in SUBJECTS:
            return cast[who]
        key = (id(cast), who)
        if key not in self._minted:
            self._minted[key] = cast.authority.issue_client(**SUBJECTS[who])
        return self._minted[key]

    def ask(self, ground: Ground, place: Place, question: Question) -> Exchange:
        """Ask one side."""
        credential = self.of(question.who, ground.anybody(place.server)) if place.tls else None
        return ground.ask(place, credential, who=question.name, headers=question.headers, **question.how)


def questions(place: Place, identity_headers: tuple[str, ...], *, first: bool) -> Iterator[Question]:
    """Everything that is asked at a place.

    Args:
        place: where.
        identity_headers: which it fills, and a client may forge.
        first: whether it is the first of its server and listener: what does not depend on the path is asked there.
    """
    if not place.tls:
        yield Question("plain HTTP" if not place.is_stream else "plain bytes", CredentialState.NONE)
    else:
        for state in CredentialState:
            yield Question(str(state), state)
        if first:
            yield from _of_the_listener(place)
    if place.is_stream:
        return
    if place.tls:
        yield from (Question(name, name) for name in SUBJECTS)
    yield from _headers(place, identity_headers)


def _of_the_listener(place: Place) -> Iterator[Question]:
    for state in _TELLING:
        yield from (Question(f"{state} by TLS {tls}", state, how={"tls": tls}) for tls in ("1.2", "1.3"))
    if place.is_stream:
        return
    yield Question("valid by HTTP/2", CredentialState.VALID, how={"http2": True})
    yield Question("valid without SNI", CredentialState.VALID, how={"server_name": None})
    unknown = {"server_name": UNKNOWN_NAME, "host": UNKNOWN_NAME}
    yield Question("valid to an unknown host", CredentialState.VALID, how=unknown)
    yield Question("none to an unknown host", CredentialState.NONE, how=unknown)
    yield Question("valid with another Host than SNI", CredentialState.VALID, how={"host": UNKNOWN_NAME})
    yield Question("plain HTTP on the TLS port", CredentialState.NONE, how={"server_name": None, "plain": True})


def _headers(place: Place, identity: tuple[str, ...]) -> Iterator[Question]:
    forged = tuple((name, _FORGERY) for name in identity)
    forged += tuple((name.lower(), _FORGERY) for name in identity)
    forged += tuple((name.replace("-", "_"), _FORGERY) for name in identity if "-" in name)
    for state in (CredentialState.NONE, CredentialState.VALID) if place.tls else (CredentialState.NONE,):
        if forged:
            yield Question(f"{state} with forged headers", state, forged)
    who = CredentialState.VALID if place.tls else CredentialState.NONE
    yield Question(f"{who} with a header of 7 KB", who, (("X-Long", "x" * 7000),))
    yield Question(f"{who} with a header of 9 KB", who, (("X-Long", "x" * 9000),))
