"""The row about the truth table: how long a cell takes."""

from __future__ import annotations

import ssl
import time

from benchmarks.bare.exchange import ask, client_context
from benchmarks.measure import Comparison, Limit, Row, Samples, Unit, alternate
from benchmarks.place import Place
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.harness import Harness
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.pki.tls import load_credential
from pytest_mtls.table.measure import MeasuredCell, plan
from pytest_mtls.table.situations import SITUATIONS
from pytest_mtls.table.workers import measure_parts

_WORKERS = 2
_ROUNDS = 3
_REFUSED_BY_TLS = CredentialState.WRONG_KEY


def _table(_place: Place) -> Samples:
    situations = [name for name in SITUATIONS if not name.startswith(("ocsp", "stream"))]
    parts = plan([BUNDLED], situations)

    with Harness.open("process") as harness:
        server = harness.nginx(verify="optional_no_ca")
        address = server.listener.public.host, server.listener.public.port
        prepared = [_context(harness, state) for state in CredentialState if state is not _REFUSED_BY_TLS]

        def ours() -> float:
            begun = time.perf_counter()
            cells = [each for part in measure_parts(parts, engine="process", workers=_WORKERS) for each in part]
            took = time.perf_counter() - begun
            if not all(isinstance(cell, MeasuredCell) and not cell.differences for cell in cells):
                raise RuntimeError("the oracle was wrong")
            return took / len(cells)

        def bare() -> float:
            assert server.log, "takes in what this side has left in the log"
            begun = time.perf_counter()
            for _ in range(10):
                for context in prepared:
                    ask(address, context)
            return (time.perf_counter() - begun) / (10 * len(prepared))

        return alternate(ours, bare, rounds=_ROUNDS)


def _context(harness: Harness, state: CredentialState) -> ssl.SSLContext:
    context = client_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if (credential := harness.credentials[state]) is not None:
        load_credential(context, credential)
    return context


ROWS = (
    Row(
        name="table",
        what="a cell of the truth table, two workers",
        against="ssl + socket in one thread, contexts ready",
        limits=[Limit(Comparison.ABSOLUTE, 1 / 300), Limit(Comparison.RATIO, 0.9)],
        measure=_table,
        unit=Unit.MILLISECONDS,
    ),
)
