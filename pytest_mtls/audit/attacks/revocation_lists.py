"""Revocation lists of the user's own: whether honest clients get past them, and until when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.finding import Finding, Grade, Rule
from pytest_mtls.audit.twins import Family, revocation_lists
from pytest_mtls.errors import InvalidArgument, NginxStartError
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.tree import INSTALLED
from pytest_mtls.pki.names import nginx_dn
from pytest_mtls.site.reading import Site

MISSING: Final = Rule(
    "crl-missing-for-chain",
    Grade.WARNING,
    "Honest clients are shut out: an authority of theirs has no revocation list",
    "Where ssl_crl is set, nginx wants a list from every authority up to the root, and refuses whoever lacks one.",
    "Put the CRLs of all authorities in ssl_client_certificate into that one file; also the root's, empty or not.",
)
LAPSED: Final = Rule(
    "crl-out-of-date",
    Grade.WARNING,
    "Honest clients are shut out: a revocation list has lapsed",
    "Past its nextUpdate a CRL is good for nothing, and every client below that authority is refused.",
    "Fetch the new one and reload nginx, from a timer that raises an alarm when it fails.",
)
LAPSING: Final = Rule(
    "crl-about-to-lapse",
    Grade.NOTE,
    "Honest clients will be shut out within two weeks, unless a new revocation list comes",
    "Past its nextUpdate a CRL is good for nothing, and every client below that authority is refused.",
    "See that a timer fetches the new one and reloads nginx, and raises an alarm when it fails.",
)

_MOST: Final = 12
_SOON: Final = timedelta(days=14)
_NO_LIST: Final = 3  # X509_V_ERR_UNABLE_TO_GET_CRL
_OUT_OF_DATE: Final = (11, 12)  # X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_CRL_HAS_EXPIRED


@dataclass(frozen=True)
class _Check:
    """A server's list, and the authorities beside it."""

    place: Place
    directive: Directive
    authorities: tuple[str, ...]

    @property
    def path(self) -> str:
        return self.directive.args[0]


def _lists(ground: Ground, _: Site) -> Report:
    for check in _checks(ground):
        absent = [each for each in (check.path, *check.authorities) if _file(ground, each, check.directive) is None]
        if absent:
            yield LISTS.untried(
                ground.path.name,
                f"{', '.join(absent)}: not in the folder of the configuration, so it cannot be said whether every "
                f"authority has a list in {check.path}, nor until when",
            )
            continue
        try:
            yield from _judged(ground, check)
        except (ValueError, NginxStartError, InvalidArgument) as error:
            yield LISTS.untried(ground.path.name, f"{check.path}: {error}")


def _checks(ground: Ground) -> Iterator[_Check]:
    """Each pair of list and authorities once, with a place where it is looked at."""
    seen = set()
    for place in ground.places:
        block = place.server.block
        directive = block.effective_one("ssl_crl")
        if not place.tls or directive is None or place.server.verify == "off" or not directive.args:
            continue
        names = ("ssl_client_certificate", "ssl_trusted_certificate")
        authorities = tuple(dict.fromkeys(written for each in names if (written := block.value(each))))
        if authorities and (directive.args[0], authorities) not in seen:
            seen.add((directive.args[0], authorities))
            yield _Check(place, directive, authorities)


def _file(ground: Ground, written: str, directive: Directive) -> Path | None:
    try:
        path = ground.site.tree.inside(written.removeprefix(INSTALLED), directive)
    except InvalidArgument:
        return None
    return path if path.is_file() else None


def _read(ground: Ground, written: str, directive: Directive) -> bytes:
    path = _file(ground, written, directive)
    return path.read_bytes() if path else b""


def _judged(ground: Ground, check: _Check) -> Report:
    per_file = [x509.load_pem_x509_certificates(_read(ground, each, check.directive)) for each in check.authorities]
    family = Family.of([certificate for of in per_file for certificate in of])
    lists = list(revocation_lists(_read(ground, check.path, check.directive)))
    bundles, begin = {}, 0
    for written, of in zip(check.authorities, per_file, strict=True):
        bundles[written] = b"".join(each.certificate_pem for each in family.twins[begin : begin + len(of)])
        begin += len(of)
    now = list(_refused(ground, check, family, lists, {**bundles, check.path: family.crls(lists)}))
    yield from now
    if not now:
        soon = {**bundles, check.path: family.crls(lists, later=_SOON)}
        for each in _refused(ground, check, family, lists, soon):
            if each.rule is LAPSED:
                yield LISTS.found(
                    LAPSING, f"{each.fact}, in two weeks", check.directive, *each.exchanges, at=check.place
                )


def _refused(
    ground: Ground,
    check: _Check,
    family: Family,
    lists: Sequence[x509.CertificateRevocationList],
    files: dict[str, bytes],
) -> Iterator[Finding]:
    """What clients of each authority get, whose lists stand in for the user's."""
    server = ground.started(files=files)
    try:
        listed = family.listed(lists)
        pairs = sorted(zip(family.own, family.twins, strict=True), key=lambda pair: pair[0] in listed)
        for own, twin in pairs[:_MOST]:
            name = nginx_dn(own.subject)
            credential = twin.issue_client("honest")
            exchange = ground.ask(check.place, credential, who=f"an honest client of {name}", server=server)
            rule = _rule(exchange)
            if rule:
                fact = f"an honest client of {name} is refused: {exchange.outcome.verify}"
                yield LISTS.found(rule, fact, check.directive, exchange, at=check.place)
    finally:
        ground.harness.discard(server)


def _rule(exchange: Exchange) -> Rule | None:
    code = exchange.outcome.verify_code
    return MISSING if code == _NO_LIST else LAPSED if code in _OUT_OF_DATE else None


LISTS: Final = Attack(
    "revocation-lists",
    "lets honest clients come while lists of the same issuers and dates as yours are in place, today and in two weeks",
    Site,
    _lists,
    (MISSING, LAPSED, LAPSING),
)

ATTACKS: Final = (LISTS,)
