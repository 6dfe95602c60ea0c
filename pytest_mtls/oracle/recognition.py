"""The situation of a real server: which of the cast it trusts, whose CRLs it has, and what a responder would say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.spec import ABSENT, FileContent, Protocol, ServerBlock, ServerSpec
from pytest_mtls.oracle.situation import DEFAULT_DEPTH, Crl, CrlAge, Ocsp, OcspStatus, Situation
from pytest_mtls.pki.ocsp_response import OcspBehaviour
from pytest_mtls.pki.pem import load_certificates, load_crls

if TYPE_CHECKING:
    from cryptography import x509

    from pytest_mtls.arguments import Ocsp as OcspArgument
    from pytest_mtls.nginx.build import NginxBuild
    from pytest_mtls.pki.states import Credentials

_Made = tuple[tuple[str, "x509.Certificate"], ...]

STATUSES: Final[Mapping[OcspBehaviour, OcspStatus]] = {
    **dict.fromkeys(OcspBehaviour, OcspStatus.FAILED),
    **dict.fromkeys(
        (OcspBehaviour.HONEST, OcspBehaviour.GOOD, OcspBehaviour.WITHOUT_NEXT_UPDATE, OcspBehaviour.DELEGATED),
        OcspStatus.GOOD,
    ),
    OcspBehaviour.REVOKED: OcspStatus.REVOKED,
    OcspBehaviour.UNKNOWN: OcspStatus.UNKNOWN,
}
"""What nginx makes of each behaviour: anything but a proper answer is a failure."""


def refuse_what_is_not_known(spec: ServerSpec, build: NginxBuild) -> None:
    """Stop where the surroundings of a server have something of which nothing is known in advance.

    Raises:
        InvalidArgument: they have.
    """
    asks = any(block.ocsp is not None for block in spec.blocks)
    if asks and spec.protocol is Protocol.STREAM and not (build.at_least(1, 29, 7) or _has_repair(build)):
        raise InvalidArgument(
            f"expected() cannot know what nginx {build.version} makes of OCSP in stream: from 1.27.2 to 1.29.6 it "
            "asks and ignores the answer (CVE-2026-28755, CHANGES 1.29.7); no such build was at hand to be measured."
        )
    if spec.http_directives or spec.main_directives or spec.clock or spec.own:
        raise InvalidArgument(
            "expected() cannot know what comes of lines of your own (config, http_directives, main_directives) or of a "
            "clock that is not this machine's."
        )


def _has_repair(build: NginxBuild) -> bool:
    return build.at_least(1, 28, 3) and not build.at_least(1, 29, 0)


def situation_of(block: ServerBlock, protocol: Protocol, ocsp: OcspArgument | None, cast: Credentials) -> Situation:
    """How that server is set up, in terms of the cast.

    Raises:
        InvalidArgument: it has something of which nothing is known in advance.
    """
    if block.directives or block.error_pages or not block.default_location:
        raise InvalidArgument(
            "expected() cannot know what lines of your own (directives, error_pages) make of an answer."
        )
    client_ca, trusted_ca, crl = (_known(each) for each in (block.client_ca, block.trusted_ca, block.crl))
    made = tuple(cast.made.items())
    return Situation(
        verify=block.verify,
        depth=DEFAULT_DEPTH if block.depth is None else block.depth,
        trusted=_trusted((client_ca or b"") + (trusted_ca or b""), made),
        crls=None if crl is None else _crls(crl, made),
        ocsp=None if block.ocsp is None or ocsp is None else _ocsp(block.ocsp.scope, ocsp, dict(made)),
        protocol=protocol,
    )


def _known(content: FileContent | None) -> bytes | None:
    if content is ABSENT:
        raise InvalidArgument("expected() cannot know what comes of a file that is not there.")
    return content


# Reading certificates and lists takes a hundred times as long as foretelling an answer, and a table asks about the same
# few servers ten thousand times.
@lru_cache(maxsize=64)
def _trusted(pem: bytes, made: _Made) -> frozenset[str]:
    """Names of what a server trusts. A CA that is none of the cast's can vouch for none of the cast.

    Raises:
        InvalidArgument: one is called as a CA of the cast is, but is another: OpenSSL may take one for the other.
    """
    names = {certificate: name for name, certificate in made}
    subjects = {certificate.subject for certificate in names}
    found = set()
    for certificate in load_certificates(pem) if pem else ():
        if certificate in names:
            found.add(names[certificate])
        elif certificate.subject in subjects:
            raise InvalidArgument(
                f"expected() cannot know what comes of a CA that is called {certificate.subject.rfc4514_string()!r} as "
                "one of the cast is, and is another."
            )
    return frozenset(found)


def _crls(pem: bytes, made: _Made) -> Mapping[str, Crl]:
    """The CRL of each CA, as OpenSSL picks it: one in force before another, then the newest (``get_crl_sk``)."""
    now = datetime.now(timezone.utc)
    aged = [(each, each.age(now)) for each in _lists(pem, made)]
    in_order = sorted(aged, key=lambda pair: (pair[1] is CrlAge.CURRENT, pair[0].last_update))
    return {each.issuer: Crl(age, each.revoked) for each, age in in_order}


@dataclass(frozen=True, slots=True)
class _List:
    """What a CRL says of the cast, and when it says so."""

    issuer: str
    last_update: datetime
    next_update: datetime | None
    revoked: frozenset[str]

    def age(self, now: datetime) -> CrlAge:
        if self.last_update > now:
            return CrlAge.NOT_YET_VALID
        return CrlAge.EXPIRED if self.next_update is not None and self.next_update < now else CrlAge.CURRENT


@lru_cache(maxsize=64)
def _lists(pem: bytes, made: _Made) -> tuple[_List, ...]:
    """The CRLs of the cast's CAs.

    Raises:
        InvalidArgument: one is in the name of a CA of the cast and is not signed by it.
    """
    issuers = {certificate.subject: (name, certificate) for name, certificate in made}
    found = []
    for crl in load_crls(pem):
        if crl.issuer in issuers:
            name, issuer = issuers[crl.issuer]
            _check_signature(crl, issuer)
            found.append(_List(name, crl.last_update_utc, crl.next_update_utc, frozenset(_listed(crl, made))))
    return tuple(found)


def _check_signature(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
    if not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
        raise InvalidArgument(
            f"expected() cannot know what comes of a CRL that {issuer.subject.rfc4514_string()!r} has not signed."
        )


def _listed(crl: x509.CertificateRevocationList, made: _Made) -> Iterator[str]:
    for name, certificate in made:
        if certificate.issuer == crl.issuer and crl.get_revoked_certificate_by_serial_number(certificate.serial_number):
            yield name


def _ocsp(scope: str, asked: OcspArgument, made: Mapping[str, x509.Certificate]) -> Ocsp:
    """
    Raises:
        InvalidArgument: it is not known what will be said.
    """
    whole_chain = scope == "on"
    if asked.use_aia:
        # The cast's certificates name no responder, so nobody is asked, and that is a failure too.
        return Ocsp(whole_chain=whole_chain)
    responder = asked.responder
    if responder is None or isinstance(responder, str):
        raise InvalidArgument(f"expected() cannot know what the OCSP responder {responder!r} will say.")
    if asked.cache not in (None, "off"):
        raise InvalidArgument("expected() cannot know what nginx has in its OCSP cache.")
    if responder.lifetime <= timedelta(0):
        raise InvalidArgument("expected() cannot know how late an OCSP response will come; give the responder time.")
    if responder.behaviour is OcspBehaviour.HANGING:
        raise InvalidArgument("expected() knows answers, and a responder that hangs makes nginx give none.")
    authorities = {each.certificate: each for each in responder.authorities}
    status = STATUSES[responder.behaviour]
    speaking = {name: authorities[made[name]] for name in made if made[name] in authorities}
    revoked = {
        name
        for name, certificate in made.items()
        for authority in speaking.values()
        if responder.behaviour is not OcspBehaviour.GOOD
        and certificate.issuer == authority.certificate.subject
        and authority.revocation_of(certificate)
    }
    return Ocsp(whole_chain=whole_chain, answers=dict.fromkeys(speaking, status), revoked=frozenset(revoked))
