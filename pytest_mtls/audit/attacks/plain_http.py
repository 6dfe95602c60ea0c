"""What is protected by TLS, asked for without it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.behind import asked_of, passes, place_at, same_application
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.own_config.source import Directive

TWIN: Final = Rule(
    "plain-twin",
    Grade.CRITICAL,
    "What is protected is open over plain HTTP",
    "Without TLS there is no certificate to check: with ssl_verify_client on as well, a plain listener lets everybody "
    "in.",
    "Let the plain listener be a server of its own that does nothing but return 301 https://$host$request_uri;",
)
PLAIN_TO_TLS: Final = Rule(
    "plain-to-tls-port",
    Grade.CRITICAL,
    "The page for plain HTTP on the TLS port leads to the application",
    "nginx answers plain HTTP there with its internal 497; error_page replaces that answer, and what it names is "
    "served without any further check.",
    "Let error_page 497 lead to a redirect, error_page 497 =301 https://$host$request_uri; or to a static page.",
)

_LOOPBACK: Final = re.compile(r"127\.|localhost:|\[::1\]|unix:")


def _twin(ground: Ground, place: Place) -> Report:
    if not place.tls or place.is_stream or ground.intent.protects(place) is None:
        return
    for written in _plain(ground):
        there = place_at(ground, written, place.host, place.path)
        if there is None or ground.intent.is_public(there) or not same_application(ground, place, there):
            continue
        if there.block.effective("auth_request"):
            yield TWINS.untried(place, f"on {written} auth_request asks your application, and the recorder says yes")
            continue
        exchange = ground.ask(there, who="no certificate")
        forwarded = exchange.outcome.forwarded
        if forwarded is not None and forwarded.target == asked_of(ground, place):
            directive = there.listen.directive if there.server is place.server else passes(there.block)[0]
            fact = f"the application behind {place} was reached over plain HTTP, on {written}"
            grade = Grade.NOTE if _for_neighbours(there) else Grade.CRITICAL
            yield TWINS.found(TWIN, fact, directive, exchange, at=place, grade=grade)


def _for_neighbours(there: Place) -> bool:
    """Whether it is shut to whoever asks from elsewhere than the clients here, which are on loopback."""
    addresses = [argument for each in there.block.effective("allow", "deny") for argument in each.args]
    return bool(_LOOPBACK.match(there.listen.written)) or "all" in addresses


def _plain(ground: Ground) -> Iterator[str]:
    """One plain listener of each port."""
    seen = set()
    for server in ground.site.servers:
        for each in server.listens:
            port = each.written.rpartition(":")[2]
            if server.protocol is Protocol.HTTP and not each.tls and port not in seen:
                seen.add(port)
                yield each.written


def _to_tls_port(ground: Ground, place: Place) -> Report:
    if not place.tls or place.is_stream or ground.intent.protects(place) is None:
        return
    page = next((each for each in place.block.effective("error_page") if "497" in each.args[:-1]), None)
    if page is None or not _leads_to(ground, place, page):
        return
    exchange = ground.ask(place, who="no certificate, no TLS", plain=True, server_name=None)
    if exchange.outcome.forwarded is not None:
        fact = f"plain HTTP to the TLS port reached the application behind {place}"
        yield WITHOUT_TLS.found(PLAIN_TO_TLS, fact, page, exchange, at=place)


def _leads_to(ground: Ground, place: Place, page: Directive) -> bool:
    """Whether a page is fetched from the application that the place protects."""
    target = page.args[-1]
    if target.startswith("@"):
        found = [each for each in place.server.every_location() if each.pattern == target]
    else:
        found = [each for each in (place.at(target.partition("?")[0]),) if each is not None]
    return any(
        same_application(ground, place, Place(place.server, place.listen, each, target, place.host)) for each in found
    )


TWINS: Final = Attack(
    "plain-twins",
    "asks for what is protected by the same name and path on every plain listener",
    Place,
    _twin,
    (TWIN,),
)
WITHOUT_TLS: Final = Attack(
    "plain-to-tls-port",
    "speaks plain HTTP to the TLS port",
    Place,
    _to_tls_port,
    (PLAIN_TO_TLS,),
)

ATTACKS: Final = (TWINS, WITHOUT_TLS)
