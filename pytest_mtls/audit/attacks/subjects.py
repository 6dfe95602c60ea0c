"""Patterns for a subject that another subject satisfies, and names taken from a subject that are not its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.naming import (
    STRANGE,
    Attributes,
    Named,
    fits,
    known,
    lines_at,
    lookalikes,
    name_of,
    named,
    names_at,
    namesakes,
)
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.names import nginx_dn
from pytest_mtls.site.reading import variables_in
from pytest_mtls.site.values import Test, worth

TOO_WIDE: Final = Rule(
    "subject-pattern-too-wide",
    Grade.CRITICAL,
    "A client with another subject is taken for the one that is named",
    "The pattern fits a part of $ssl_client_s_dn. Whoever gets a certificate with that text in any attribute, or with "
    "more text around it, has the same rights.",
    "Name the whole subject: a text without ~ in a map, or ~^CN=admin,O=Example$ from ^ to $.",
)
LOOSE: Final = Rule(
    "subject-pattern-loose",
    Grade.NOTE,
    "A client whose subject differs in case, or in other attributes, is taken for the one that is named",
    "It is the same person only if the authority sees to it that no two clients differ in nothing else.",
    "Name the whole subject: a text without ~ in a map, or ~^CN=admin,O=Example$ from ^ to $.",
)
WRONG_NAME: Final = Rule(
    "name-from-subject-wrong",
    Grade.CRITICAL,
    "The name that the application is told is not the one in the certificate",
    "The pattern takes it from the first place where it fits, which need not be the common name, and stops at a comma "
    "that is part of it.",
    "Anchor the pattern, and let it take plain names only: ~^CN=(?<user>[A-Za-z0-9._@-]+)(,|$)",
)
SECOND: Final = Rule(
    "second-authority-gets-in",
    Grade.NOTE,
    "Clients of an authority in ssl_trusted_certificate get in as well",
    "nginx takes both files for the authorities of clients. A public authority's chain, put there for OCSP stapling, "
    "lets in whoever holds a certificate of it, under any name that it has.",
    "Let ssl_trusted_certificate hold nothing but authorities of clients; for stapling, put the chain into "
    "ssl_certificate.",
)
_MOST: Final = 8
_STUDIED: Final = 60
_VICTIM: Final = "victim"


def _patterns(ground: Ground, place: Place) -> Report:
    if not place.tls or place.is_stream or ground.cast(place.server) is None:
        return
    tried, bystander = 0, None
    lines = [each for each in dict.fromkeys(lines_at(ground.site, place)) if not each.is_whole]
    for number, test in enumerate(lines):
        if number == _STUDIED:
            yield PATTERNS.untried(place, f"{test.directive.where}, and lines after it: {number} others were looked at")
            return
        if not test.readable:
            yield PATTERNS.untried(place, f"{test.directive.where}: an expression that Python does not understand")
        who = named(ground.site, place, test)
        if who is None:
            continue
        for rule, others in ((TOO_WIDE, lookalikes(ground.site, place, who)), (LOOSE, namesakes(who))):
            alike = [each for each in others if fits(ground.site, place, test, each)]
            if not alike:
                continue
            tried += 1
            if tried > _MOST:
                yield PATTERNS.untried(place, f"{test.directive.where}, and lines after it: {_MOST} others were tried")
                return
            bystander = bystander or _asked(ground, place, _cn("bystander"))
            yield from _compared(ground, place, rule, who, alike, bystander)
            break


def _compared(
    ground: Ground, place: Place, rule: Rule, who: Named, alike: list[Attributes], bystander: Exchange
) -> Report:
    genuine = _asked(ground, place, who.subject)
    nobody, real = _facts(ground, place, bystander), _facts(ground, place, genuine)
    advantages = {fact: value for fact, value in real.items() if value != nobody.get(fact) and value != "refused"}
    for subject in alike:
        exchange = _asked(ground, place, subject)
        facts = _facts(ground, place, exchange)
        same = [fact for fact, value in advantages.items() if facts.get(fact) == value]
        if same:
            what = ", ".join(same)
            fact = (
                f"{nginx_dn(name_of(subject))} gets the same {what} at {place} as {nginx_dn(name_of(who.subject))}, "
                "and a bystander does not"
            )
            yield PATTERNS.found(rule, fact, who.test.directive, exchange, genuine, bystander, at=place)
            return
    if real == nobody and rule is TOO_WIDE:
        other = nginx_dn(name_of(alike[0]))
        yield PATTERNS.untried(
            place,
            f"{who.test.directive.where} also fits {other}; nothing was seen to depend on it, as "
            f"{nginx_dn(name_of(who.subject))} got what a bystander gets",
        )


def _asked(ground: Ground, place: Place, subject: Attributes) -> Exchange:
    name = name_of(subject)
    credential = ground.anybody(place.server).authority.issue_client(subject=name)
    return ground.ask(place, credential, who=nginx_dn(name))


def _facts(ground: Ground, place: Place, exchange: Exchange) -> dict[str, str]:
    """What depends on who a client is taken for: whether it gets in, and headers that nginx made up."""
    facts = {"answer": "served" if ground.got_in(exchange, place) else "refused"}
    forwarded = exchange.outcome.forwarded
    if forwarded is not None:
        facts |= {name: ", ".join(forwarded.get_all(name)) for name in _made_up(ground, place)}
    return facts


def _made_up(ground: Ground, place: Place) -> Mapping[str, Directive]:
    """Headers whose value is chosen by who the client is, rather than being it."""
    return {
        each.args[0]: each
        for each in place.block.effective("proxy_set_header", "grpc_set_header")
        if len(each.args) == 2
        and ground.site.about_clients(each)
        and not any(name.startswith("ssl_client_") for name in variables_in(each.args[1]))
    }


def _names(ground: Ground, place: Place) -> Report:
    if not place.tls or place.is_stream or ground.cast(place.server) is None:
        return
    plain = "plain-name"
    for header, directive in _made_up(ground, place).items():
        told = _told(ground, place, directive, _cn(plain))
        if told is None:  # it is made by "set" under an "if"
            told = ", ".join(_said(_asked(ground, place, _cn(plain)), header))
        if told == plain:
            yield from _taken(ground, place, header, directive)


def _taken(ground: Ground, place: Place, header: str, directive: Directive) -> Report:
    line = _line(ground, place, directive)
    for subject in _mixed():
        if _told(ground, place, directive, subject) not in (None, _VICTIM):
            continue
        exchange = _asked(ground, place, subject)
        if _said(exchange, header) == (_VICTIM,):
            fact = f"{header} says {_VICTIM!r} of {nginx_dn(name_of(subject))}, whose common name is {STRANGE!r}"
            yield NAMES.found(WRONG_NAME, fact, line, exchange, at=place)
            return
    pair = [_asked(ground, place, _cn(f"Smith, {first}")) for first in ("John", "Jane")]
    told = [_said(each, header) for each in pair]
    if told[0] == told[1] and told[0] and told[0][0].startswith("Smith"):
        fact = f"{header} says {told[0][0]!r} of both 'Smith, John' and 'Smith, Jane'"
        yield NAMES.found(WRONG_NAME, fact, line, *pair, at=place, grade=Grade.WARNING)


def _said(exchange: Exchange, header: str) -> tuple[str, ...]:
    forwarded = exchange.outcome.forwarded
    return forwarded.get_all(header) if forwarded is not None else ()


def _told(ground: Ground, place: Place, directive: Directive, subject: Attributes) -> str | None:
    return worth(ground.site, directive.args[1], known(place, subject))


def _line(ground: Ground, place: Place, directive: Directive) -> Directive:
    """The line of the ``map`` that takes the name, else that of the header."""
    wanted: list[Test] = [each for each in lines_at(ground.site, place) if each.regular]
    fitting = [each for each in wanted if fits(ground.site, place, each, _cn("plain-name"))]
    return fitting[0].directive if fitting else directive


def _second(ground: Ground, place: Place) -> Report:
    block = place.server.block
    trusted = block.effective_one("ssl_trusted_certificate")
    authority = ground.authority_of(block.value("ssl_trusted_certificate"))
    if ground.intent.protects(place) is None or trusted is None or authority is None:
        return
    if block.value("ssl_client_certificate") in ("", trusted.args[0]):
        return
    for subject in (_cn("anybody"), *(each.subject for each in names_at(ground.site, place))):
        name = name_of(subject)
        who = f"{nginx_dn(name)}, issued by an authority in {trusted.args[0]}"
        exchange = ground.ask(place, authority.issue_client(subject=name), who=who)
        if ground.got_in(exchange, place):
            stapling = block.value("ssl_stapling", "off") == "on"
            grade = Grade.WARNING if stapling else Grade.NOTE
            yield SECONDS.found(SECOND, f"{who}, got in at {place}", trusted, exchange, at=place, grade=grade)
            return


def _cn(value: str) -> Attributes:
    return (x509.NameAttribute(NameOID.COMMON_NAME, value),)


def _mixed() -> Iterator[Attributes]:
    """Subjects of one common name in which the other stands somewhere."""
    strange = x509.NameAttribute(NameOID.COMMON_NAME, STRANGE)
    text = f"CN={_VICTIM}"
    for oid in (NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME, NameOID.USER_ID):
        yield (x509.NameAttribute(oid, text), strange)
        yield (strange, x509.NameAttribute(oid, text))
        yield (x509.NameAttribute(oid, f"x/{text}"), strange)
    yield (x509.NameAttribute(NameOID.COMMON_NAME, _VICTIM), strange)
    yield _cn(f"{STRANGE},{text}")
    yield _cn(f"{STRANGE}/{text}")


PATTERNS: Final = Attack(
    "subject-patterns",
    "asks under subjects in which the name of somebody else stands: with more around it, in another attribute, behind "
    "an escaped comma, twice, in other case",
    Place,
    _patterns,
    (TOO_WIDE, LOOSE),
)
NAMES: Final = Attack(
    "names-from-subjects",
    "asks under subjects from which a pattern takes a name that is not the client's",
    Place,
    _names,
    (WRONG_NAME,),
)
SECONDS: Final = Attack(
    "second-authorities",
    "asks with certificates of the authorities that are in ssl_trusted_certificate alone",
    Place,
    _second,
    (SECOND,),
)

ATTACKS: Final = (PATTERNS, NAMES, SECONDS)
