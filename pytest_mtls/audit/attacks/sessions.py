"""TLS sessions taken up again: at another server, and after their owner was revoked.

nginx judges a certificate when a session begins, and never again: what resumes it brings no certificate, and has the
verdict of that time (``ngx_ssl_get_client_verify``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.nginx.spec import TLS_VERSIONS
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.server import NginxServer
from pytest_mtls.site.reading import Server, Site

CROSSES: Final = Rule(
    "session-opens-another-server",
    Grade.CRITICAL,
    "A session of one server is resumed at another, which would have refused its client",
    "Sessions go where server certificate and list of CAs are the same, whatever CRLs and trusted certificates are; "
    "before nginx 1.29.2 also where the session was made without a server name (of the class of CVE-2025-23419).",
    "Give servers that judge clients differently another ssl_certificate, or name their CAs with "
    "ssl_client_certificate; or set ssl_session_tickets off and ssl_session_cache off. Before 1.29.2, let the default "
    "server trust nobody.",
)
OUTLIVES: Final = Rule(
    "session-outlives-revocation",
    Grade.WARNING,
    "A revoked client goes on with its session after the CRL was replaced and nginx reloaded",
    "nginx looks at no certificate again when a session is resumed, and the session's keys survive the reload: "
    "in a shared cache (since nginx 1.23.2 those of tickets too), or in a ssl_session_ticket_key file.",
    "Set ssl_session_tickets off and ssl_session_cache off, or keep ssl_session_timeout as short as a revoked client "
    "may go on.",
)
_LONG: Final = 3600
_DEFAULT_TIMEOUT: Final = "5m"
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000, "ms": 0}
_MOST: Final = 2
_LATER: Final = "revoked-while-its-session-lives"


def _crossing(ground: Ground, place: Place) -> Report:
    if not place.tls or place.is_stream or ground.intent.protects(place) is None:
        return
    for donor, who, credential in _donors(ground, place):
        refused = ground.ask(place, credential, who=who)
        if ground.got_in(refused, place):
            continue
        for tls in TLS_VERSIONS:
            name = None if donor.listen.default else donor.host
            first = ground.ask(donor, credential, who=who, server_name=name, tls=tls)
            if first.outcome.session is None:
                continue
            replayed = ground.ask(place, who=f"{who}'s session", session=first.outcome.session, tls=tls)
            if replayed.outcome.resumed and ground.got_in(replayed, place):
                fact = f"a TLS {tls} session of {who}, made at {donor.server}, opened {place} without a certificate"
                yield CROSSING.found(CROSSES, fact, _keeps(place), refused, first, replayed, at=place)
                return


def _donors(ground: Ground, place: Place) -> Iterator[tuple[Place, str, Credential | None]]:
    """Places on the same listener whose clients the server would refuse, of servers of different kinds."""
    kinds: set[tuple[object, ...]] = set()
    for each in ground.places:
        if each.server is place.server or each.listen.written != place.listen.written:
            continue
        kind = (each.listen.default, ground.cast(each.server), each.server.block.value("ssl_crl"))
        stranger = _stranger(ground, place.server, each.server)
        if stranger is not None and kind not in kinds and len(kinds) < _MOST:
            kinds.add(kind)
            yield each, *stranger


def _stranger(ground: Ground, server: Server, other: Server) -> tuple[str, Credential | None] | None:
    cast = ground.cast(other)
    if cast is None or other.verify == "off":
        return None
    if cast is not ground.cast(server):
        return f"a client of {other}", cast[CredentialState.VALID]
    if server.block.value("ssl_crl") and not other.block.value("ssl_crl"):
        return "a revoked client", cast[CredentialState.REVOKED]
    return None


def _keeps(place: Place) -> Directive:
    """What keeps sessions; where nothing is said, the certificate that they are bound to."""
    block = place.server.block
    names = ("ssl_session_ticket_key", "ssl_session_cache", "ssl_session_tickets", "ssl_certificate")
    return next((found for name in names if (found := block.effective_one(name)) is not None), place.directive)


@dataclass(frozen=True)
class _Held:
    """A session of a client that is to be revoked."""

    place: Place
    tls: str
    client: Credential
    first: Exchange


def _outliving(ground: Ground, site: Site) -> Report:
    places, shut = _with_crl(ground)
    for place in shut:
        yield OUTLIVING.untried(
            place, "a valid certificate gets in nowhere on this server: more is asked of its holder"
        )
    if not places:
        return
    nginx = ground.started()
    try:
        held = [each for place in places for each in _sessions(ground, place, nginx)]
        for each in {id(one.client): one for one in held}.values():
            cast = ground.cast(each.place.server)
            assert cast is not None
            cast.authority.revoke(each.client)
        nginx.update(files={**ground.files, **ground.crls()})
        for each in held:
            yield from _replayed(ground, each, nginx)
    finally:
        ground.harness.discard(nginx)


def _with_crl(ground: Ground) -> tuple[list[Place], list[Place]]:
    """One place of each server that checks a CRL: where a client gets in, and of servers where none does."""
    inside: dict[Server, Place] = {}
    asked: dict[Server, Place] = {}
    for place in ground.places:
        block = place.server.block
        if place.server in inside or not place.tls or not block.value("ssl_crl") or not ground.cast(place.server):
            continue
        if ground.intent.protects(place):
            asked.setdefault(place.server, place)
            if ground.got_in(ground.honest(place), place):
                inside[place.server] = place
    return list(inside.values()), [place for server, place in asked.items() if server not in inside]


def _sessions(ground: Ground, place: Place, nginx: NginxServer) -> Iterator[_Held]:
    cast = ground.cast(place.server)
    assert cast is not None
    client = cast.authority.issue_client(_LATER)
    for tls in TLS_VERSIONS:
        first = ground.ask(place, client, who="a client", server=nginx, tls=tls)
        if first.outcome.session is not None and ground.got_in(first, place):
            yield _Held(place, tls, client, first)


def _replayed(ground: Ground, held: _Held, nginx: NginxServer) -> Report:
    place = held.place
    refused = ground.ask(place, held.client, who="the same, revoked, its certificate", server=nginx)
    replayed = ground.ask(
        place, who="the same, its session", server=nginx, session=held.first.outcome.session, tls=held.tls
    )
    if not replayed.outcome.resumed or ground.got_in(refused, place) or not ground.got_in(replayed, place):
        return
    lasting = place.server.block.value("ssl_session_timeout", _DEFAULT_TIMEOUT)
    fact = f"a revoked client went on at {place} with its TLS {held.tls} session, and may for {lasting} after it began"
    grade = Grade.CRITICAL if seconds(lasting) > _LONG else Grade.WARNING
    directive = _outlasting(place, grade)
    yield OUTLIVING.found(OUTLIVES, fact, directive, held.first, refused, replayed, at=place, grade=grade)


def _outlasting(place: Place, grade: Grade) -> Directive:
    timeout = place.server.block.effective_one("ssl_session_timeout")
    return timeout if timeout is not None and grade is Grade.CRITICAL else _keeps(place)


def seconds(written: str) -> int:
    """A time as nginx reads it (``ngx_parse_time``): ``90``, ``5m``, ``1h 30m``."""
    return sum(int(number) * _UNITS.get(unit, 1) for number, unit in re.findall(r"(\d+)([a-zA-Z]*)", written))


CROSSING: Final = Attack(
    "crossed-sessions",
    "resumes a session of one server's client at another server, which would refuse that client",
    Place,
    _crossing,
    (CROSSES,),
)
OUTLIVING: Final = Attack(
    "sessions-after-revocation",
    "lets clients in, revokes them, replaces the CRL, reloads, and resumes their sessions",
    Site,
    _outliving,
    (OUTLIVES,),
)

ATTACKS: Final = (CROSSING, OUTLIVING)
