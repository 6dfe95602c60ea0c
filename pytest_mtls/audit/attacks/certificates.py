"""Clients with no certificate, or one that is not good enough, where one is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground, reached
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.site.blocks import PASSES

UNGUARDED: Final = Rule(
    "unguarded",
    Grade.CRITICAL,
    "What is meant to be protected is open to clients without a good certificate",
    "Whoever can reach the port reaches the application.",
    "Set ssl_verify_client on, or begin the server with: if ($ssl_client_verify != SUCCESS) { return 403; }",
)
FAILS_OPEN: Final = Rule(
    "condition-fails-open",
    Grade.CRITICAL,
    "A condition on the client's certificate lets through what it should stop",
    "$ssl_client_verify is NONE, SUCCESS or FAILED:reason (since nginx 1.11.7): a comparison with anything but SUCCESS "
    "leaves one of them out.",
    "Let through SUCCESS and nothing else: if ($ssl_client_verify != SUCCESS) { return 403; }",
)
ERROR_PAGE: Final = Rule(
    "error-page-serves-content",
    Grade.CRITICAL,
    "The page for refused certificates leads to what they were refused",
    "nginx answers a bad certificate with its internal 495, a missing one with 496; error_page replaces that answer, "
    "and what it names is served without any further check.",
    "Let error_page 495 496 lead to a static page, or to return 403, and never to the application.",
)
NOT_LOOKED_AT: Final = Rule(
    "verify-not-looked-at",
    Grade.WARNING,
    "A certificate is asked for and nobody looks whether it is good",
    "With optional and optional_no_ca nginx passes on whoever comes; neither a condition here nor a header to the "
    "application tells them apart.",
    "Set ssl_verify_client on, or check $ssl_client_verify, or pass it on: "
    "proxy_set_header X-SSL-Client-Verify $ssl_client_verify;",
)
NO_REVOCATION: Final = Rule(
    "revocation-not-checked",
    Grade.NOTE,
    "Revoked clients get in: revocation is not checked",
    "A certificate that was lost or stolen is good until it expires.",
    "Name the CRLs of the whole chain with ssl_crl, or set ssl_ocsp on; or keep lifetimes so short that it does not "
    "matter.",
)
REVOKED_GETS_IN: Final = Rule(
    "revoked-gets-in",
    Grade.CRITICAL,
    "Revoked clients get in although revocation is checked",
    "The check does not stand in the way of this request.",
    "Put ssl_crl, or ssl_ocsp, beside ssl_client_certificate of this very server.",
)
DEEP_CHAINS: Final = Rule(
    "deep-chains-get-in",
    Grade.NOTE,
    "Chains of three intermediates get in",
    "Every authority below yours can let clients in, also those you never heard of.",
    "Set ssl_verify_depth to the number of intermediates that there are.",
)

_SETTING: Final = ("proxy_set_header", "grpc_set_header", "uwsgi_param", "fastcgi_param", "scgi_param")
_BAD: Final = (
    CredentialState.NONE,
    CredentialState.UNKNOWN_CA,
    CredentialState.SELF_SIGNED,
    CredentialState.IMPOSTOR,
    CredentialState.EXPIRED,
    CredentialState.NOT_YET_VALID,
    CredentialState.SERVER_AUTH_ONLY,
    CredentialState.INTERMEDIATE_NOT_SENT,
)


def _bad_certificates(ground: Ground, place: Place) -> Report:
    reason = ground.intent.protects(place)
    if reason is None:
        return
    if place.block.effective("auth_request"):
        yield BAD_CERTIFICATES.untried(
            place, "auth_request asks your application, and the recorder in its place says yes; name it with --upstream"
        )
        return
    honest = ground.honest(place)
    if not ground.got_in(honest, place) and ground.welcome(place)[1] == str(CredentialState.VALID):
        yield BAD_CERTIFICATES.untried(
            place,
            f"a valid certificate gets in no more than these ({honest.seen}): who is let in, and what lies behind, "
            "cannot be told from the configuration",
        )
    states = _BAD if place.tls else (CredentialState.NONE,)
    inside = [each for state in states if ground.got_in(each := ground.reception(place, state), place)]
    by_cause: dict[tuple[str, Directive], list[Exchange]] = {}
    for exchange in inside:
        rule, directive = responsible(ground, place, exchange)
        by_cause.setdefault((rule.name, directive), []).append(exchange)
    for (name, directive), exchanges in by_cause.items():
        rule = next(each for each in BAD_CERTIFICATES.rules if each.name == name)
        who = ", ".join(each.sent.partition(":")[0] for each in exchanges)
        fact = f"{place}, which is protected ({reason}), was reached by: {who}"
        yield BAD_CERTIFICATES.found(rule, fact, directive, *exchanges[:2], at=place)


def responsible(ground: Ground, place: Place, exchange: Exchange) -> tuple[Rule, Directive]:
    """Which line let that request in."""
    internal = exchange.outcome.internal_status
    if internal:
        for page in place.block.effective("error_page"):
            if str(internal) in page.args:
                return ERROR_PAGE, page
    checks = ground.intent.checks(place)
    if checks:
        return FAILS_OPEN, _source_of(ground, checks[-1])
    verify = place.server.block.effective_one("ssl_verify_client")
    return UNGUARDED, verify or place.directive


def _source_of(ground: Ground, condition: Directive) -> Directive:
    """The condition, or the ``map`` that made the variable that it looks at."""
    from pytest_mtls.site.reading import variables_in

    for name in variables_in(*condition.args):
        for of, directive in ground.site.sources.get(name, ()):
            if directive.name == "map" and any(ground.site.comes_from(each, "ssl_client_") for each in of):
                return directive
    return condition


def _not_looked_at(ground: Ground, place: Place) -> Report:
    if not place.server.verify.startswith("optional") or not place.tls or ground.intent.protects(place):
        return
    if place.server.every_location() and _tells_anybody(ground, place):
        return
    exchange = ground.reception(place, CredentialState.NONE)
    directive = place.server.block.effective_one("ssl_verify_client")
    if reached(exchange.outcome) and directive is not None:
        yield NOT_LOOKED.found(
            NOT_LOOKED_AT, f"without a certificate {place} was reached as with one", directive, exchange, at=place
        )


def _tells_anybody(ground: Ground, place: Place) -> bool:
    """Whether the certificate plays a part anywhere in the server."""
    blocks = [place.server.block, *(each.block for each in place.server.every_location())]
    inherited = [each for block in blocks if block.own(*PASSES) for each in block.effective(*_SETTING)]
    return any(_uses(ground, each) for each in (*inherited, *(one for block in blocks for one in _all(block.inner))))


def _all(directives: tuple[Directive, ...]) -> Iterator[Directive]:
    for each in directives:
        yield each
        if each.block is not None:
            yield from _all(each.block)


def _uses(ground: Ground, directive: Directive) -> bool:
    return directive.name not in ("access_log", "log_format") and ground.site.about_clients(directive)


def _revoked(ground: Ground, place: Place) -> Report:
    if ground.intent.protects(place) is None or ground.cast(place.server) is None:
        return
    block = place.server.block
    check = block.effective_one("ssl_crl") or block.effective_one("ssl_ocsp")
    if block.value("ssl_ocsp", "off") != "off":
        yield REVOKED.untried(place, "ssl_ocsp is taken out: no responder is asked here")
        return
    exchange = ground.reception(place, CredentialState.REVOKED)
    if not ground.got_in(exchange, place):
        return
    trusts = block.effective_one("ssl_client_certificate") or block.effective_one("ssl_trusted_certificate")
    if check is None and trusts is not None:
        yield REVOKED.found(NO_REVOCATION, f"a revoked client reached {place}", trusts, exchange, at=place)
    elif check is not None:
        yield REVOKED.found(REVOKED_GETS_IN, f"a revoked client reached {place}", check, exchange, at=place)


def _deep(ground: Ground, place: Place) -> Report:
    if ground.intent.protects(place) is None:
        return
    depth = place.server.block.effective_one("ssl_verify_depth")
    exchange = ground.reception(place, CredentialState.CHAIN_TOO_DEEP)
    if depth is not None and exchange.outcome.verify == "SUCCESS" and ground.got_in(exchange, place):
        fact = f"a client three intermediates below the authority reached {place}"
        yield DEEP.found(DEEP_CHAINS, fact, depth, exchange, at=place)


BAD_CERTIFICATES: Final = Attack(
    "bad-certificates",
    "asks for what is protected with no certificate, a stranger's, one self-signed, forged, expired, not yet valid, "
    "for servers only, or without its intermediate",
    Place,
    _bad_certificates,
    (UNGUARDED, FAILS_OPEN, ERROR_PAGE),
)
NOT_LOOKED: Final = Attack(
    "unused-certificates",
    "asks without a certificate where one is asked for and nothing looks at it",
    Place,
    _not_looked_at,
    (NOT_LOOKED_AT,),
)
REVOKED: Final = Attack(
    "revoked-certificates",
    "asks for what is protected with a revoked certificate",
    Place,
    _revoked,
    (NO_REVOCATION, REVOKED_GETS_IN),
)
DEEP: Final = Attack(
    "deep-chains",
    "asks for what is protected with a certificate three intermediates below the authority",
    Place,
    _deep,
    (DEEP_CHAINS,),
)

ATTACKS: Final = (BAD_CERTIFICATES, NOT_LOOKED, REVOKED, DEEP)
