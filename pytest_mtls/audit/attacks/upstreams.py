"""Somebody else in the place of an upstream, and one upstream that takes a client of it for another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from pytest_mtls.audit.attack import Attack, Report
from pytest_mtls.audit.finding import Grade, Rule
from pytest_mtls.audit.hops import Hop, hops_of
from pytest_mtls.errors import InvalidArgument, NginxStartError
from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.ground.ground import Ground
from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential
from pytest_mtls.server import NginxServer
from pytest_mtls.site.reading import Site, variables_in

UNVERIFIED: Final = Rule(
    "upstream-not-verified",
    Grade.WARNING,
    "Somebody else in the upstream's place gets the requests, with the identity of those who make them",
    "nginx does not look at an upstream's certificate unless it is told to: whoever is on the way reads and answers "
    "everything.",
    "Set proxy_ssl_verify on, proxy_ssl_trusted_certificate, and proxy_ssl_name to the name in its certificate.",
)
NO_SNI: Final = Rule(
    "upstream-without-sni",
    Grade.NOTE,
    "The upstream is not told which of its names is meant",
    "Without SNI it answers with its default server, whose certificate and whose clients' authority may be others.",
    "Set proxy_ssl_server_name on, and proxy_ssl_name to its name.",
)
NAME: Final = Rule(
    "upstream-name-of-the-group",
    Grade.NOTE,
    "The upstream is refused unless its certificate has the name of the upstream {} block",
    "proxy_ssl_name is by default what stands in proxy_pass: for an upstream {} that is the block's own name.",
    "Set proxy_ssl_name to the name in the upstream's certificate.",
)
MIXED: Final = Rule(
    "upstream-identity-mixed-up",
    Grade.CRITICAL,
    "The upstream takes requests of one location for those of another: they came under its certificate",
    "nginx keeps connections, and TLS sessions, by upstream and not by certificate: the next request goes over what "
    "another location opened.",
    "Give each certificate an upstream {} of its own, of another name.",
)

_PEER: Final = "X-Pytest-Mtls-Peer"
_SNI: Final = "X-Pytest-Mtls-Sni"
_REPORTS: Final = {_PEER: "peer $ssl_client_s_dn", _SNI: "name $ssl_server_name"}


def _impostors(ground: Ground, _: Site) -> Report:
    hops = [each for each in hops_of(ground.site, ground.places) if not each.is_local]
    if not hops:
        return
    stranger = CertificateAuthority("A stranger's CA")
    try:
        with _behind(ground, hops, stranger) as front:
            for hop in hops:
                yield from _reached_by_impostor(ground, hop, front)
        yield from _genuine(ground, [each for each in hops if each.value("ssl_verify") == "on"])
    except (NginxStartError, InvalidArgument) as error:
        yield IMPOSTORS.untried(ground.path.name, f"it does not start with another upstream: {error}")


def _reached_by_impostor(ground: Ground, hop: Hop, front: NginxServer) -> Report:
    exchange = _through(ground, hop, front)
    if exchange is None:
        if hop.value("ssl_verify") != "on":
            yield IMPOSTORS.untried(hop.place, "nobody that comes to mind gets as far as its upstream")
        return
    told = _told(ground, hop, exchange)
    fact = f"an impostor for {hop.authority}, with a stranger's certificate, got what was sent to {hop.place}{told}"
    directive = hop.setting("ssl_verify") or hop.passing
    yield IMPOSTORS.found(UNVERIFIED, fact, directive, exchange, at=hop.place)
    yield from _without_name(hop, exchange)


def _without_name(hop: Hop, exchange: Exchange) -> Report:
    forwarded = exchange.outcome.forwarded
    silent = hop.value("ssl_server_name", "off") == "off" and (hop.host_names or hop.value("ssl_name"))
    if silent and forwarded is not None and forwarded[_SNI] == "name":
        directive = hop.setting("ssl_server_name") or hop.passing
        yield IMPOSTORS.found(NO_SNI, f"{hop.authority} got no SNI", directive, exchange, at=hop.place)


def _genuine(ground: Ground, hops: list[Hop]) -> Report:
    """Those that are looked at: whether an upstream that is what it should be is let in."""
    for authority in dict.fromkeys(_trusted(ground, each) for each in hops):
        alike = [each for each in hops if _trusted(ground, each) is authority]
        with _behind(ground, alike, authority) as front:
            for hop in alike:
                exchange = _through(ground, hop, front)
                if exchange is not None:
                    yield from _without_name(hop, exchange)
                elif hop.is_group and hop.host_names and not hop.value("ssl_name"):
                    yield from _refused(ground, hop, front)


def _refused(ground: Ground, hop: Hop, front: NginxServer) -> Report:
    credential, who = ground.welcome(hop.place)
    exchange = ground.ask(hop.place, credential, who=who, server=front)
    if exchange.outcome.status == 502 or (hop.place.is_stream and not exchange.outcome.accepted):
        fact = f"{hop.host_names[0]}, with a certificate for that name, was refused as {hop.authority}"
        yield IMPOSTORS.found(NAME, fact, hop.passing, exchange, at=hop.place)


def _trusted(ground: Ground, hop: Hop) -> CertificateAuthority:
    """Whom nginx trusts there, as the ground has it."""
    content = ground.files.get(hop.value("ssl_trusted_certificate"))
    casts = (ground.cast(each) for each in ground.site.servers)
    found = (each.authority for each in casts if each and each.authority.certificate_pem == content)
    return next(found, ground.harness.ca)


def _mixed_up(ground: Ground, _: Site) -> Report:
    groups: dict[tuple[str, str], dict[str, Hop]] = {}
    for hop in hops_of(ground.site, ground.places):
        if not variables_in(hop.identity) and not hop.place.is_stream:
            groups.setdefault((hop.passing.name, hop.authority), {}).setdefault(hop.identity, hop)
    shared = [list(each.values()) for each in groups.values() if len(each) > 1]
    if not shared:
        return
    every = [hop for hops in shared for hop in hops]
    files: dict[str, Credential] = {}
    for number, hop in enumerate(each for each in every if each.identity):
        if hop.identity not in files:
            credential = ground.harness.ca.issue_client(f"identity-{number}")
            files |= {hop.identity: credential, hop.value("ssl_certificate_key"): credential}
    try:
        for hops in shared:
            trusted = _trusted(ground, hops[0])
            with _behind(ground, hops, trusted, files=files) as front:
                yield from _one_after_another(ground, hops, files, front)
    except (NginxStartError, InvalidArgument) as error:
        yield MIX_UPS.untried(ground.path.name, f"it does not start with another upstream: {error}")


def _one_after_another(ground: Ground, hops: list[Hop], files: dict[str, Credential], front: NginxServer) -> Report:
    former: tuple[Hop, Exchange] | None = None
    for hop in (*hops, hops[0]):
        exchange = _through(ground, hop, front)
        if exchange is None or exchange.outcome.forwarded is None:
            yield MIX_UPS.untried(hop.place, "nobody that comes to mind gets as far as its upstream")
            return
        seen = exchange.outcome.forwarded[_PEER].removeprefix("peer").strip()
        own = files[hop.identity].subject_dn if hop.identity else ""
        if former is not None and seen != own:
            whose = f"{seen or 'no certificate'} in place of {own or 'no certificate'}"
            fact = f"{hop.authority} got {whose} from {hop.place}, after a request to {former[0].place}"
            directive = hop.setting("ssl_certificate") or hop.passing
            yield MIX_UPS.found(MIXED, fact, directive, exchange, former[1], at=hop.place)
            return
        former = hop, exchange


@contextmanager
def _behind(
    ground: Ground, hops: Iterable[Hop], authority: CertificateAuthority, **changed: Any
) -> Iterator[NginxServer]:
    """The configuration with somebody of that authority's behind those hops, and who hears that he was reached."""
    started: list[NginxServer] = []
    try:
        upstreams = {}
        for hop in hops:
            names = [*hop.host_names, *([hop.value("ssl_name")] if "$" not in hop.value("ssl_name", "$") else [])]
            if not hop.is_group:
                names.append("127.0.0.1")  # the name of what it is redirected to
            held = authority.issue_server(*dict.fromkeys(names or ("localhost",)))
            if hop.authority not in upstreams:
                upstreams[hop.authority] = _peer(ground, hop, held)
                started.append(upstreams[hop.authority])
        front = ground.started(upstreams=upstreams, **changed)
        started.append(front)
        yield front
    finally:
        for each in reversed(started):
            ground.harness.discard(each)


def _peer(ground: Ground, hop: Hop, credential: Credential) -> NginxServer:
    if hop.place.is_stream:
        return ground.harness.nginx(protocol="stream", verify="off", server=credential)
    http2 = hop.passing.name == "grpc_pass"
    return ground.harness.nginx(verify="optional_no_ca", server=credential, forward=_REPORTS, http2=http2)


def _through(ground: Ground, hop: Hop, front: NginxServer) -> Exchange | None:
    """A request that got through to what is behind; ``None`` where none does."""
    credential, who = ground.welcome(hop.place)
    exchange = ground.ask(hop.place, credential, who=who, server=front)
    return exchange if _is_through(hop, exchange) else None


def _is_through(hop: Hop, exchange: Exchange) -> bool:
    if hop.place.is_stream:
        return exchange.outcome.accepted and bool(exchange.outcome.body)
    forwarded = exchange.outcome.forwarded
    return forwarded is not None and _PEER in forwarded


def _told(ground: Ground, hop: Hop, exchange: Exchange) -> str:
    forwarded = exchange.outcome.forwarded
    if forwarded is None:
        return ""
    arrived = [name for name in ground.intent.identity_headers(hop.place) if name in forwarded]
    return f", with {', '.join(arrived)}" if arrived else ""


IMPOSTORS: Final = Attack(
    "upstream-impostors",
    "puts somebody with a certificate of a stranger's authority in the place of each upstream that is met by TLS",
    Site,
    _impostors,
    (UNVERIFIED, NO_SNI, NAME),
)
MIX_UPS: Final = Attack(
    "upstream-identities",
    "asks one after another for locations that meet one upstream with different certificates",
    Site,
    _mixed_up,
    (MIXED,),
)

ATTACKS: Final = (IMPOSTORS, MIX_UPS)
