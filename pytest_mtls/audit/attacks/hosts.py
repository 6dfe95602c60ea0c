"""Host and SNI that do not belong together, or to nothing; and what the default server then does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.behind import asked_of, passes, place_at, same_application
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground, reached
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.site.reading import UNKNOWN_NAME, Server

ANOTHER_SERVER: Final = Rule(
    "another-servers-check",
    Grade.CRITICAL,
    "A client whom this server refuses gets in by naming another server, or none, in the handshake",
    "The SNI, or the default server where there is none, decides which CAs and CRLs a certificate is held against; "
    "Host decides who answers. nginx answers 421 only where the SNI names one of its servers.",
    "Give the listener a default server that trusts nobody: listen 443 ssl default_server; ssl_reject_handshake on; "
    "(before nginx 1.19.4: return 444;), with ssl_client_certificate in the servers it is meant for.",
)
DEFAULT_OPEN: Final = Rule(
    "default-server-open",
    Grade.CRITICAL,
    "The default server leads to what another server protects",
    "Whoever asks by address, or by any name that no server has, comes to the default server and is not checked.",
    "Give the listener a default server that serves nothing: listen 443 ssl default_server; "
    "ssl_reject_handshake on; (before nginx 1.19.4: return 444;).",
)
BY_ACCIDENT: Final = Rule(
    "default-by-order",
    Grade.NOTE,
    "Unknown host names are served by a server that is the default only because it comes first",
    "Another file, or another name for this one, and another server answers.",
    "Say default_server where it is meant, best in a server that serves nothing.",
)
_ADDRESS: Final = "192.0.2.1"  # RFC 5737: nobody's
_MOST: Final = 3


def _crossed(ground: Ground, place: Place) -> Report:
    if not _guarded(ground, place):
        return
    for other, names in _others(ground, place):
        for who, credential in _strangers(ground, place, other):
            for name in names:
                exchange = ground.ask(place, credential, who=who, server_name=name)
                if not ground.got_in(exchange, place):
                    continue
                refused = ground.ask(place, credential, who=who)
                if ground.got_in(refused, place):
                    break  # others tell of that
                fact = f"{who}, whom {place.server} refuses, reached {place} with {_handshake(name)}"
                yield CROSSED.found(ANOTHER_SERVER, fact, _trusting(place, other), refused, exchange, at=place)
                return


def _guarded(ground: Ground, place: Place) -> bool:
    return place.tls and not place.is_stream and ground.intent.protects(place) is not None


def _others(ground: Ground, place: Place) -> Iterator[tuple[Server, tuple[str | None, ...]]]:
    """Servers of the same listener, no two of a kind, each with the SNI that leads to it."""
    kinds: set[tuple[object, ...]] = set()
    for each in ground.site.servers:
        listen = next((one for one in each.listens if one.written == place.listen.written), None)
        if each is place.server or listen is None:
            continue
        kind = (listen.default, each.verify, ground.cast(each), each.block.value("ssl_crl"))
        if kind not in kinds and (listen.default or len(kinds) < _MOST):
            kinds.add(kind)
            yield each, (None, UNKNOWN_NAME) if listen.default else (each.name,) if each.name else ()


def _strangers(ground: Ground, place: Place, other: Server) -> Iterator[tuple[str, Credential | None]]:
    """Whom the other server knows no evil of, and this one would not have."""
    cast, own = ground.cast(other), ground.cast(place.server)
    if cast is not None and cast is not own:
        yield f"a client of {other}", cast[CredentialState.VALID]
    elif cast is not None and place.server.block.value("ssl_crl") and not other.block.value("ssl_crl"):
        yield "a revoked client", cast[CredentialState.REVOKED]
    if other.verify == "optional_no_ca":
        yield "a self-signed client", ground.anybody(place.server)[CredentialState.SELF_SIGNED]
    elif cast is None:
        yield "no certificate", None


def _handshake(name: str | None) -> str:
    return f"{name} in the handshake" if name else "no name in the handshake"


def _trusting(place: Place, other: Server) -> Directive:
    """What makes the other server trust that client; where it does not matter, its ``listen``."""
    listen = next(each for each in other.listens if each.written == place.listen.written)
    return (
        other.block.effective_one("ssl_client_certificate")
        or other.block.effective_one("ssl_trusted_certificate")
        or listen.directive
    )


def _default_open(ground: Ground, place: Place) -> Report:
    if not _guarded(ground, place) or ground.got_in(ground.reception(place, CredentialState.NONE), place):
        return
    there = place_at(ground, place.listen.written, UNKNOWN_NAME, place.path)
    if there is None or ground.intent.is_public(there) or not same_application(ground, place, there):
        return
    if there.block.effective("auth_request"):
        yield OPEN.untried(place, "the default server's auth_request asks your application, and the recorder says yes")
        return
    for sni, host in ((UNKNOWN_NAME, UNKNOWN_NAME), (None, _ADDRESS)):
        exchange = ground.ask(place, who="no certificate", server_name=sni, host=host)
        grade = _how_open(ground, place, there, exchange)
        if grade is not None:
            fact = f"without a certificate, {host} led to the application behind {place}, and to {place.path} there"
            yield OPEN.found(DEFAULT_OPEN, fact, passes(there.block)[0], exchange, at=place, grade=grade)
            return


def _how_open(ground: Ground, place: Place, there: Place, exchange: Exchange) -> Grade | None:
    """A public server with a name of its own is no mistake: only its application can tell what it is asked for."""
    forwarded, honest = exchange.outcome.forwarded, ground.honest(place).outcome.forwarded
    if forwarded is None or forwarded.target != asked_of(ground, place):
        return None
    named = there.server is not place.server and there.server.name is not None
    told_apart = honest is None or forwarded.get_all("Host") != honest.get_all("Host")
    return Grade.NOTE if named and told_apart else Grade.CRITICAL


def _by_order(ground: Ground, place: Place) -> Report:
    listen = place.listen
    said = {"default_server", "default"} & set(listen.directive.args)
    rivals = [each for each in ground.site.servers if any(one.written == listen.written for one in each.listens)]
    if place.is_stream or not listen.default or said or len(rivals) < 2 or place.server.name is None:
        return
    exchange = ground.ask(
        place, who="no certificate", server_name=UNKNOWN_NAME if place.tls else None, host=UNKNOWN_NAME
    )
    if reached(exchange.outcome):
        yield BY_ORDER.found(BY_ACCIDENT, f"{UNKNOWN_NAME} was served as {place}", listen.directive, exchange, at=place)


CROSSED: Final = Attack(
    "crossed-names",
    "asks for what is protected with another server's name, an unknown one or none in the handshake, as a client of "
    "that other server",
    Place,
    _crossed,
    (ANOTHER_SERVER,),
)
OPEN: Final = Attack(
    "unknown-hosts",
    "asks for what is protected under a host name that no server has, and under an address",
    Place,
    _default_open,
    (DEFAULT_OPEN,),
)
BY_ORDER: Final = Attack(
    "default-servers",
    "asks servers under a host name that none has",
    Place,
    _by_order,
    (BY_ACCIDENT,),
)

ATTACKS: Final = (CROSSED, OPEN, BY_ORDER)
