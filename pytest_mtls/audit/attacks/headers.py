"""Headers that name a client: sent by the client itself."""

from __future__ import annotations

from typing import Final

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.site.blocks import PASSES

FORGED: Final = Rule(
    "forged-identity-header",
    Grade.CRITICAL,
    "A client can name itself: an identity header reaches the application as the client wrote it",
    "The application takes this header for nginx's word on who the client is.",
    "Set every identity header in this location too, to a value or to nothing: a location with one proxy_set_header of "
    "its own inherits none. An included snippet keeps them together.",
)
UNDERSCORES: Final = Rule(
    "forged-underscore-header",
    Grade.CRITICAL,
    "A client can name itself: an identity header with underscores reaches the application beside the true one",
    "WSGI, CGI, PHP and Rack turn - and _ into the same variable, so the application sees one or the other.",
    "Leave underscores_in_headers off, as it is by default.",
)
_FORGERY: Final = "CN=forged-by-the-client"


def _forged(ground: Ground, place: Place) -> Report:
    if place.is_stream or not place.block.own(*PASSES):
        return
    spelled = [(name, _FORGERY) for name in ground.intent.identity_headers(place)]
    if not spelled:
        return
    with_underscores = [(name.replace("-", "_"), _FORGERY) for name, _ in spelled if "-" in name]
    for credential, who in ((None, str(CredentialState.NONE)), ground.welcome(place)):
        exchange = ground.ask(place, credential, who=who, headers=[*spelled, *((n.lower(), v) for n, v in spelled)])
        forwarded = exchange.outcome.forwarded
        if forwarded is None:
            continue
        arrived = [name for name, _ in spelled if _FORGERY in " ".join(forwarded.get_all(name))]
        if arrived:
            fact = f"{', '.join(arrived)} reached the application behind {place} as the client wrote it"
            yield FORGERY.found(FORGED, fact, _cut_off(place), exchange, at=place)
        exchange = ground.ask(place, credential, who=who, headers=with_underscores)
        forwarded = exchange.outcome.forwarded
        twins = [name for name, _ in with_underscores if forwarded is not None and name in forwarded]
        if twins:
            fact = f"{', '.join(twins)} reached the application behind {place} as the client wrote it"
            yield FORGERY.found(UNDERSCORES, fact, _allows_underscores(place), exchange, at=place)
        return


def _cut_off(place: Place) -> Directive:
    """What keeps the true header from being set: the location's own list, else what passes the request on."""
    own = place.block.own("proxy_set_header", "grpc_set_header")
    passing = place.block.own(*PASSES)
    return (own or passing)[0]


def _allows_underscores(place: Place) -> Directive:
    return place.block.effective_one("underscores_in_headers") or place.directive


FORGERY: Final = Attack(
    "forged-headers",
    "sends the headers that nginx fills from the certificate, in other case, twice, and with underscores",
    Place,
    _forged,
    (FORGED, UNDERSCORES),
)

ATTACKS: Final = (FORGERY,)
