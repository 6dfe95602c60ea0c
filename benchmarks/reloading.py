"""Rows about a reload: a new CRL, and a long one."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from functools import partial

from benchmarks.bare import configuration, process
from benchmarks.bare.certificates import Root
from benchmarks.bare.exchange import ask, client_context
from benchmarks.bare.reloading import reload
from benchmarks.measure import Comparison, Limit, Row, Samples, Unit, alternate
from benchmarks.place import Place
from pytest_mtls.harness import Harness

_FIRST_SERIAL = 1 << 150  # as long as those that are in use


def _update(place: Place) -> Samples:
    root, numbers = Root(), itertools.count(_FIRST_SERIAL)
    with (
        Harness.open("process") as harness,
        place.folder() as folder,
        process.nginx(place.binary, folder, root.server(root.crl([]))) as running,
    ):
        server = harness.nginx(crl=True)

        def ours() -> float:
            crl = harness.ca.crl(extra=[next(numbers)])
            begun = time.perf_counter()
            server.update(crl=crl)
            return time.perf_counter() - begun

        def bare() -> float:
            crl = root.crl([next(numbers)])
            begun = time.perf_counter()
            (folder / configuration.CRL).write_bytes(crl)
            reload(running.master, running.log)
            return time.perf_counter() - begun

        return alternate(ours, bare, rounds=15)


def _long_crl(place: Place, *, entries: int, rounds: int) -> Samples:
    root = Root()
    with (
        Harness.open("process") as harness,
        place.folder() as folder,
        process.nginx(place.binary, folder, root.server(root.crl([]))) as running,
    ):
        server, alice = harness.nginx(crl=True), harness.ca.issue_client("alice")
        context = client_context()
        lists = _lists(entries)

        def ours() -> float:
            revoked = next(lists)
            begun = time.perf_counter()
            server.update(crl=harness.ca.crl(extra=revoked))
            outcome = server.request(credential=alice)
            took = time.perf_counter() - begun
            if not outcome.accepted:
                raise RuntimeError(outcome.explain())
            return took

        def bare() -> float:
            revoked = next(lists)
            begun = time.perf_counter()
            (folder / configuration.CRL).write_bytes(root.crl(revoked))
            reload(running.master, running.log)
            ask(running.address, context)
            return time.perf_counter() - begun

        return alternate(ours, bare, rounds=rounds)


def _lists(entries: int) -> Iterator[range]:
    return (range(start, start + entries) for start in itertools.count(_FIRST_SERIAL, entries))


ROWS = (
    Row(
        name="update-crl",
        what="update(crl=...), until the old worker is gone",
        against="write, HUP, watch the log for its exit",
        limits=[Limit(Comparison.RATIO, 1.15)],
        measure=_update,
    ),
    Row(
        name="crl-100000",
        what="CRL of 100 000 entries: build, load, first answer",
        against="bare builder, HUP, first answer",
        limits=[Limit(Comparison.RATIO, 1.2)],
        measure=partial(_long_crl, entries=100_000, rounds=5),
        unit=Unit.SECONDS,
    ),
    Row(
        name="crl-1000000",
        what="the same with 1 000 000 entries",
        against="bare builder, HUP, first answer",
        limits=[Limit(Comparison.RATIO, 1.2)],
        measure=partial(_long_crl, entries=1_000_000, rounds=2),
        unit=Unit.SECONDS,
    ),
)
