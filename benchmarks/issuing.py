"""Rows about certificates."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.bare.certificates import Root
from benchmarks.measure import Comparison, Limit, Missing, Row, Samples, Unit, alternate
from benchmarks.place import Place
from pytest_mtls.pki.authority import CertificateAuthority

_ROUNDS = 100
_BATCH = 10
_MANY = 10_000


def _names() -> Iterator[str]:
    return (f"client{number}@example.org" for number in itertools.count())


def _timed(issue: Callable[[str], object], names: Iterator[str]) -> float:
    """Seconds for one, of a batch: a single one is too short to time."""
    batch = list(itertools.islice(names, _BATCH))
    begun = time.perf_counter()
    for name in batch:
        issue(name)
    return (time.perf_counter() - begun) / _BATCH


def _against_trustme(_: Place, *, pem: bool) -> Samples:
    try:
        import trustme
    except ImportError:
        raise Missing("no trustme") from None
    authority, peer, names = CertificateAuthority(), trustme.CA(), _names()

    def issue_with_pem(name: str) -> tuple[bytes, bytes]:
        issued = authority.issue_client(name)
        return issued.chain_pem, issued.private_key_pem

    issue = issue_with_pem if pem else authority.issue_client
    return alternate(lambda: _timed(issue, names), lambda: _timed(peer.issue_cert, names), rounds=_ROUNDS)


def _many(_: Place) -> Samples:
    authority, root = CertificateAuthority(), Root()

    def timed(issue: Callable[[str], object]) -> float:
        begun = time.perf_counter()
        kept = [issue(f"client {number}") for number in range(_MANY)]
        assert len(kept) == _MANY
        return time.perf_counter() - begun

    return alternate(lambda: timed(authority.issue_client), lambda: timed(root.client), rounds=5)


ROWS = (
    Row(
        name="issue-client",
        what="issue_client (EC P-256)",
        against="trustme issue_cert (EC P-256)",
        limits=[Limit(Comparison.RATIO, 0.9)],
        measure=partial(_against_trustme, pem=False),
        unit=Unit.MICROSECONDS,
    ),
    Row(
        name="issue-client-pem",
        what="the same, and its PEM, which trustme makes at once",
        against="trustme issue_cert (EC P-256)",
        limits=[Limit(Comparison.RATIO)],
        measure=partial(_against_trustme, pem=True),
        unit=Unit.MICROSECONDS,
    ),
    Row(
        name="issue-10000",
        what="issue_client, 10 000 times, all kept",
        against="cryptography: key, builder, signature",
        limits=[Limit(Comparison.RATIO, 1.3)],
        measure=_many,
        unit=Unit.SECONDS,
    ),
)
