"""Identities that nobody verified, and identity headers that break, grow or vanish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography import x509

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground, reached
from pytest_mtls.ground.naming import STRANGE, name_of, names_at
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.names import nginx_dn, parse_subject
from pytest_mtls.site.blocks import PASSES
from pytest_mtls.site.reading import variables_in

UNVERIFIED: Final = Rule(
    "unverified-identity",
    Grade.CRITICAL,
    "The application is told a name that nobody verified, and nothing that says so",
    "With optional_no_ca nginx takes certificates that anybody made for himself; only $ssl_client_verify tells.",
    "Set ssl_verify_client optional or on; or let through SUCCESS only, or pass on $ssl_client_verify and have the "
    "application look at it.",
)
POSING: Final = Rule(
    "unverified-subject-check",
    Grade.CRITICAL,
    "A check of the subject lets in a stranger who calls himself so",
    "With optional_no_ca nginx takes certificates that anybody made for himself, with any subject in them.",
    "Set ssl_verify_client optional or on; or look at $ssl_client_verify as well: map "
    '"$ssl_client_verify:$ssl_client_s_dn" $admin { default 0; "SUCCESS:CN=admin,O=Example" 1; }',
)
MULTI_LINE: Final = Rule(
    "multi-line-header",
    Grade.WARNING,
    "A certificate is passed on in a header of several lines",
    "A header is one line (RFC 9112 section 5.2): nginx since 1.21.1, and others, answer 400 to such a request; the "
    "rest see the first line of it.",
    "Pass on $ssl_client_escaped_cert, and have the application decode it.",
)
TOO_LARGE: Final = Rule(
    "identity-header-large",
    Grade.NOTE,
    "A client with many names makes the header that holds its certificate too large for many servers",
    "Most servers take 8 kB of headers or less: nginx answers 400, others 431, and that client is shut out.",
    "Pass on what the application needs, such as the subject and the serial number; or raise its limit, in nginx "
    "large_client_header_buffers.",
)
NAMELESS: Final = Rule(
    "nameless-client",
    Grade.NOTE,
    "A verified client without a subject reaches the application without a name",
    "nginx sends no header whose value is empty. An application that takes an absent name for anonymous, or for "
    "internal, is wrong.",
    "Have the application refuse requests without a name; or pass on $ssl_client_escaped_cert, $ssl_client_fingerprint "
    "or $ssl_client_serial too.",
)
NOT_SET: Final = Rule(
    "identity-header-not-set",
    Grade.NOTE,
    "The verdict is set by nginx, and a name beside it is as the client wrote it",
    "An application that looks for a name next to the verdict finds whatever the client says.",
    "Set that header too: to the subject, or to nothing with proxy_set_header NAME '';",
)

_WHOLE: Final = ("ssl_client_cert", "ssl_client_raw_cert", "ssl_client_escaped_cert")
_UNFORGEABLE: Final = (*_WHOLE, "ssl_client_fingerprint", "ssl_client_verify")
_MANY_NAMES: Final = 180
_USUAL_LIMIT: Final = 8192
_CLAIM: Final = "CN=known-to-the-application"
_FORGED: Final = "CN=forged-by-the-client"


def _headers(ground: Ground, place: Place) -> dict[str, Directive]:
    """Headers for the application that say who the client is."""
    if place.is_stream or not place.tls or not place.block.own(*PASSES):
        return {}
    every = place.block.effective("proxy_set_header", "grpc_set_header")
    return {each.args[0]: each for each in every if len(each.args) == 2 and ground.site.about_clients(each)}


def _comes_from(ground: Ground, directive: Directive, *names: str) -> bool:
    return any(ground.site.comes_from(each, name) for each in variables_in(directive.args[1]) for name in names)


def _unverified(ground: Ground, place: Place) -> Report:
    headers = _headers(ground, place)
    if place.server.verify != "optional_no_ca" or not headers:
        return
    if any(_comes_from(ground, each, *_UNFORGEABLE) for each in headers.values()):
        return  # the application is told enough to see it
    for subject in _claims(ground, place):
        genuine = ground.anybody(place.server).authority
        strange = CertificateAuthority(genuine.certificate.subject).issue_client(subject=subject)
        exchange = ground.ask(place, strange, who=f"a stranger's certificate {nginx_dn(subject)}")
        forwarded = exchange.outcome.forwarded
        if forwarded is None or exchange.outcome.verify == "SUCCESS":
            continue
        told = {name: forwarded[name] for name in headers if name in forwarded}
        known = ground.ask(place, genuine.issue_client(subject=subject), who=f"certificate {nginx_dn(subject)}")
        same = [name for name, value in told.items() if _said(known, name) == value]
        verify = place.server.block.effective_one("ssl_verify_client")
        if same and verify is not None:
            fact = f"a stranger arrived behind {place} with {same[0]}: {told[same[0]]}, as the one of that name does"
            yield STRANGERS.found(UNVERIFIED, fact, verify, exchange, known, at=place)
            return


def _posing(ground: Ground, place: Place) -> Report:
    if place.server.verify != "optional_no_ca" or not place.tls or place.is_stream:
        return
    genuine = ground.anybody(place.server).authority
    strange = CertificateAuthority(genuine.certificate.subject)
    mallory = ground.ask(place, strange.issue_client(STRANGE), who=f"a stranger's certificate CN={STRANGE}")
    if ground.got_in(mallory, place):
        return  # it takes no name
    for who in names_at(ground.site, place):
        subject = name_of(who.subject)
        said = f"a stranger's certificate {nginx_dn(subject)}"
        exchange = ground.ask(place, strange.issue_client(subject=subject), who=said)
        if exchange.outcome.verify != "SUCCESS" and ground.got_in(exchange, place):
            yield POSERS.found(POSING, f"{said} got in at {place}", who.test.directive, exchange, mallory, at=place)


def _claims(ground: Ground, place: Place) -> Iterator[x509.Name]:
    """Names worth having there."""
    yield parse_subject(_CLAIM)
    yield from dict.fromkeys(name_of(each.subject) for each in names_at(ground.site, place))


def _said(exchange: Exchange, name: str) -> str | None:
    forwarded = exchange.outcome.forwarded
    return forwarded[name] if forwarded is not None and name in forwarded else None


def _multi_line(ground: Ground, place: Place) -> Report:
    for name, directive in _headers(ground, place).items():
        if not {"ssl_client_cert", "ssl_client_raw_cert"} & variables_in(directive.args[1]):
            continue
        credential, who = ground.welcome(place)
        exchange = ground.ask(place, credential, who=who)
        forwarded = exchange.outcome.forwarded
        if forwarded is None:
            continue
        at = forwarded.raw.find(b"-----BEGIN")
        line_end = forwarded.raw.find(b"\n", at)
        following = forwarded.raw[line_end + 1 : line_end + 25]
        if at >= 0 and line_end >= 0 and b":" not in following:
            start = forwarded.raw.rfind(b"\n", 0, at) + 1
            shown = forwarded.raw[start : line_end + 25].decode("latin-1")
            fact = f"{name} arrived behind {place} on several lines: {shown!r}..."
            yield LINES.found(MULTI_LINE, fact, directive, exchange, at=place)


def _large(ground: Ground, place: Place) -> Report:
    holding = [each for each in _headers(ground, place).values() if _comes_from(ground, each, *_WHOLE)]
    if not holding or ground.cast(place.server) is None:
        return
    names = tuple(f"device-{number:03}.department.example.com" for number in range(_MANY_NAMES))
    credential = ground.anybody(place.server).authority.issue_client("many-names", sans=names)
    exchange = ground.ask(place, credential, who=f"certificate with {_MANY_NAMES} alternative names")
    forwarded = exchange.outcome.forwarded
    if forwarded is not None:
        name = holding[0].args[0]
        size = len(forwarded[name]) if name in forwarded else 0
        if size > _USUAL_LIMIT:
            fact = f"{name} arrived behind {place} with {size} bytes"
            yield SIZES.found(TOO_LARGE, fact, holding[0], exchange, at=place)
    elif reached(ground.honest(place).outcome) and not reached(exchange.outcome):
        fact = f"a client with {_MANY_NAMES} alternative names is shut out of {place}"
        yield SIZES.found(TOO_LARGE, fact, holding[0], exchange, at=place, grade=Grade.WARNING)


def _nameless(ground: Ground, place: Place) -> Report:
    headers = _headers(ground, place)
    naming = {name: each for name, each in headers.items() if _comes_from(ground, each, "ssl_client_s_dn")}
    if not naming or ground.cast(place.server) is None:
        return
    exchange = ground.ask(place, _without_subject(ground, place), who="certificate with an empty subject")
    forwarded, verify = exchange.outcome.forwarded, exchange.outcome.verify
    if forwarded is None or verify != "SUCCESS" or any(name in forwarded for name in naming):
        return
    others = [name for name, each in headers.items() if name in forwarded and not _is_verdict(each)]
    if not others:
        name, directive = next(iter(naming.items()))
        yield SUBJECTS.found(NAMELESS, f"{name} was missing behind {place}", directive, exchange, at=place)


def _without_subject(ground: Ground, place: Place) -> Credential:
    return ground.anybody(place.server).authority.issue_client(subject="", sans=("DNS:nameless.example.com",))


def _is_verdict(directive: Directive) -> bool:
    return variables_in(directive.args[1]) == {"ssl_client_verify"}


def _not_set(ground: Ground, place: Place) -> Report:
    headers = _headers(ground, place)
    verdicts = [each for each in headers.values() if _is_verdict(each)]
    if not verdicts or len(verdicts) < len(headers):
        return
    written = verdicts[0].args[0]
    stem = written[: -len("verify")] if written.lower().endswith("verify") else "X-SSL-Client-"
    set_here = {each.args[0].lower() for each in place.block.effective("proxy_set_header") if each.args}
    names = [name for name in (f"{stem}S-DN", f"{stem}DN", f"{stem}Subject") if name.lower() not in set_here]
    credential, who = ground.welcome(place)
    exchange = ground.ask(place, credential, who=who, headers=[(name, _FORGED) for name in names])
    arrived = [name for name in names if _said(exchange, name) == _FORGED]
    if arrived:
        fact = f"{', '.join(arrived)} arrived behind {place} as the client wrote it, beside {written}"
        yield BESIDE.found(NOT_SET, fact, verdicts[0], exchange, at=place)


STRANGERS: Final = Attack(
    "unverified-identities",
    "asks with a stranger's certificate that has the name of somebody who is known",
    Place,
    _unverified,
    (UNVERIFIED,),
)
POSERS: Final = Attack(
    "unverified-subjects",
    "asks with a stranger's certificate that has the subject of somebody who is let in by it",
    Place,
    _posing,
    (POSING,),
)
LINES: Final = Attack(
    "multi-line-headers", "looks at the bytes of headers that hold a certificate", Place, _multi_line, (MULTI_LINE,)
)
SIZES: Final = Attack(
    "large-headers", "asks with a certificate of very many names that is passed on whole", Place, _large, (TOO_LARGE,)
)
SUBJECTS: Final = Attack(
    "empty-subjects", "asks with a certificate whose subject is empty", Place, _nameless, (NAMELESS,)
)
BESIDE: Final = Attack(
    "names-beside-verdicts",
    "sends a name of its own where nginx sets no more than the verdict",
    Place,
    _not_set,
    (NOT_SET,),
)

ATTACKS: Final = (STRANGERS, POSERS, LINES, SIZES, SUBJECTS, BESIDE)
