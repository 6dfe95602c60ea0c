"""Paths that a check does not know for what they are, and the application does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.behind import same_application, within
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.audit.spellings import Likeness, disguised, likeness, spelled
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.site.blocks import Block
from pytest_mtls.site.reading import PATHS, Server, variables_in
from pytest_mtls.site.samples import samples
from pytest_mtls.site.values import Test, test_of_if, tests_of_map

SLIPS_PAST: Final = Rule(
    "path-slips-past-check",
    Grade.CRITICAL,
    "The check belongs to one way of writing a path, and another way leads past it",
    "nginx chooses the location by the decoded, normalised path and hands on what the client wrote; $request_uri is "
    "what the client wrote, with its encoding, dot segments and query.",
    "Check in the server and let the few public paths through by name; or guard with location ~* ^/admin, without an "
    "end, and look at $uri rather than $request_uri.",
)
TAKEN_AWAY: Final = Rule(
    "path-taken-by-another-location",
    Grade.WARNING,
    "A regular expression takes paths away from the location that checks them",
    "A location with a regular expression goes before one with a prefix, unless that has ^~.",
    "Write location ^~ for the prefix, or put the check into the other location as well.",
)
DISGUISED: Final = Rule(
    "path-in-disguise",
    Grade.NOTE,
    "Some applications take an unchecked path for a checked one",
    "Tomcat and Jetty drop what follows a semicolon, some frameworks decode twice; no location can tell.",
    "Check in the server rather than in one of its locations, or let the application refuse such paths.",
)
_MOST: Final = 4
_PATH: Final = re.compile(r"/[\w/.~-]*")


@dataclass(frozen=True)
class _Guarded:
    """A path that was shown to be for clients with a certificate."""

    place: Place
    directive: Directive
    refused: Exchange


def _past_locations(ground: Ground, place: Place) -> Report:
    if place.location is None or place.path == "/" or not _bound_to_location(ground, place):
        return
    guarded = _shown(ground, place, place.directive)
    if guarded is not None:
        yield from _past(ground, guarded, spelled(place.path), LOCATIONS)
        yield from _in_disguise(ground, guarded)
        yield from _taken_away(ground, guarded)


def _bound_to_location(ground: Ground, place: Place) -> bool:
    if not place.tls or place.is_stream or place.server.verify == "on" or place.block.effective("auth_request"):
        return False
    own = set(place.block.own("if"))
    checks = ground.intent.checks(place)
    return bool(checks) and all(each in own for each in checks)


def _shown(ground: Ground, place: Place, directive: Directive) -> _Guarded | None:
    refused = ground.reception(place, CredentialState.NONE)
    if ground.got_in(refused, place) or ground.honest(place).outcome.forwarded is None:
        return None
    return _Guarded(place, directive, refused)


def _past(ground: Ground, guarded: _Guarded, paths: Iterator[str], attack: Attack) -> Report:
    for path in paths:
        exchange, like = _tried(ground, guarded, path)
        if like:
            fact = f"{path} was let through without a certificate, {guarded.place.path} was not"
            grade = Grade.CRITICAL if _is_the_same(guarded.place, like) else Grade.WARNING
            yield attack.found(
                SLIPS_PAST, fact, guarded.directive, guarded.refused, exchange, at=guarded.place, grade=grade
            )


def _is_the_same(place: Place, like: Likeness) -> bool:
    """Whether every application takes what arrived for what is guarded; below an exact path there may be nothing."""
    exact = place.location is not None and place.location.modifier == "="
    return like is Likeness.SAME or (like is Likeness.BELOW and not exact)


def _tried(ground: Ground, guarded: _Guarded, path: str) -> tuple[Exchange, Likeness]:
    """What came of a path, and what the application behind the guarded one saw of that."""
    place = guarded.place
    exchange = ground.ask(place, who="no certificate", path=path)
    forwarded, honest = exchange.outcome.forwarded, ground.honest(place).outcome.forwarded
    if forwarded is None or honest is None:
        return exchange, Likeness.NONE
    there = within(place.server, place.listen, place.host, _as_nginx_sees(path))
    if ground.intent.is_public(there) or not same_application(ground, place, there):
        return exchange, Likeness.NONE
    return exchange, likeness(forwarded.target, honest.target)


def _as_nginx_sees(path: str) -> str:
    from urllib.parse import unquote

    segments: list[str] = []
    for each in unquote(path.partition("?")[0]).split("/")[1:]:
        segments = segments[:-1] if each == ".." else segments if each == "." else [*segments, each]
    return "/" + "/".join(segments)


def _in_disguise(ground: Ground, guarded: _Guarded) -> Report:
    for path in disguised(guarded.place.path):
        exchange, like = _tried(ground, guarded, path)
        if like:
            fact = f"{path} was let through without a certificate; some take it for {guarded.place.path}"
            yield LOCATIONS.found(DISGUISED, fact, guarded.directive, guarded.refused, exchange, at=guarded.place)
            return


def _taken_away(ground: Ground, guarded: _Guarded) -> Report:
    place = guarded.place
    assert place.location is not None
    if place.location.modifier:
        return
    for other in islice((each for each in place.server.locations if each.is_regular), _MOST):
        ending = next(iter(samples(other.pattern, ignore_case=other.modifier == "~*")), "").lstrip("/")
        path = f"{place.path.rstrip('/')}/audit{'' if ending.startswith('.') else '/'}{ending}"
        if place.at(path) is other and _PATH.fullmatch(path):
            exchange, like = _tried(ground, guarded, path)
            if like:
                fact = f"{path} was let through without a certificate, by {other}; {place.path} was not"
                yield LOCATIONS.found(TAKEN_AWAY, fact, other.block.directive, guarded.refused, exchange, at=place)


def _past_conditions(ground: Ground, server: Server) -> Report:
    """Where the check depends on a path that a ``map`` or an ``if`` of the server knows."""
    place = next((each for each in ground.places if each.server is server and each.tls and not each.is_stream), None)
    if place is None or server.verify in ("on", "off"):
        return
    shown = [
        (path, directive, within(server, place.listen, place.host, path))
        for path, directive in islice(_paths_looked_at(ground, server), 2 * _MOST)
    ]
    guarded = [one for _, directive, at in shown if (one := _shown(ground, at, directive)) is not None]
    opened = [
        (path, directive)
        for path, directive, at in shown
        if ground.reception(at, CredentialState.NONE).outcome.forwarded is not None
    ]
    for each in guarded[:_MOST]:
        if each.place.path != "/":
            yield from _past(ground, each, spelled(each.place.path), CONDITIONS)
    yield from _past_exceptions(ground, server, opened)


def _past_exceptions(ground: Ground, server: Server, opened: list[tuple[str, Directive]]) -> Report:
    """What is let through by its path, put before or behind one that is not."""
    closed = [
        one
        for place in ground.places
        if place.server is server and place.tls
        for one in [_shown(ground, place, place.directive)]
        if one is not None
    ]
    for each in closed[:_MOST]:
        for path, directive in opened[:_MOST]:
            climbing = "/.." * path.rstrip("/").count("/")
            for asked in (f"{path.rstrip('/')}{climbing}{each.place.path}", f"{each.place.path}?audit={path}"):
                exchange, like = _tried(ground, each, asked)
                if like:
                    fact = f"{asked} was let through without a certificate, {each.place.path} was not"
                    yield CONDITIONS.found(SLIPS_PAST, fact, directive, each.refused, exchange, at=each.place)


def _paths_looked_at(ground: Ground, server: Server) -> Iterator[tuple[str, Directive]]:
    """Paths that conditions are about, each with the ``map`` or ``if`` that looks."""
    for test, directive in _tests(ground, server):
        if set(PATHS) & variables_in(test.looks_at):
            texts = samples(test.key, ignore_case=test.ignores_case) if test.regular else iter((test.key,))
            found = next((one for text in texts if (one := _PATH.search(text))), None)
            if found:
                yield found[0], directive


def _tests(ground: Ground, server: Server) -> Iterator[tuple[Test, Directive]]:
    """The comparisons that the server's checks come down to."""
    deciding = _deciding(ground, server)
    for block in server.block.levels():
        for each in block.own("map"):
            if each.args[-1].lstrip("$") in deciding:
                yield from ((test, each) for test in tests_of_map(ground.site, each))
    for block in (inner for outer in _blocks(server) for inner in outer.blocks("if")):
        test = test_of_if(block.directive)
        if test is not None and any(each.args[0].lstrip("$") in deciding for each in block.own("set") if each.args):
            yield test, block.directive


def _blocks(server: Server) -> Iterator[Block]:
    yield server.block
    yield from (each.block for each in server.every_location())


def _deciding(ground: Ground, server: Server) -> set[str]:
    """The variables that the server's conditions on the certificate are made of."""
    checks = [each for block in _blocks(server) for each in block.own("if") if ground.site.about_clients(each)]
    waiting, found = [name for each in checks for name in variables_in(*each.args)], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [one for of, _ in ground.site.sources.get(name, ()) for one in of]
    return found


LOCATIONS: Final = Attack(
    "spelled-paths",
    "writes paths that a location protects in other ways: case, encoding, slashes, dots, parameters, endings",
    Place,
    _past_locations,
    (SLIPS_PAST, TAKEN_AWAY, DISGUISED),
)
CONDITIONS: Final = Attack(
    "paths-in-conditions",
    "writes paths that a map or a condition looks at in other ways, and puts public ones before and behind protected "
    "ones",
    Server,
    _past_conditions,
    (SLIPS_PAST,),
)

ATTACKS: Final = (LOCATIONS, CONDITIONS)
