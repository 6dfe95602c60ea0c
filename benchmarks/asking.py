"""Rows about one request to a server that runs."""

from __future__ import annotations

import time
from functools import partial

from benchmarks.bare.exchange import ask, client_context
from benchmarks.measure import Comparison, Limit, Row, Samples, Unit, alternate
from benchmarks.place import Place
from pytest_mtls.harness import Harness
from pytest_mtls.pki.tls import load_credential

_ROUNDS = 400


def _request(place: Place, *, engine: str) -> Samples:
    if engine == "docker":
        assert place.image, "raises where no engine answers"
    with Harness.open(engine) as harness:
        server = harness.nginx(verify="on")
        alice = harness.ca.issue_client("alice")
        prepared = client_context()
        load_credential(prepared, alice)
        # Where ours goes: past the engine's proxy, if it can.
        dialled = server.listener.direct or server.listener.public

        def ours() -> float:
            assert server.log, "takes in what the other side left in the log, which is no part of this request"
            begun = time.perf_counter()
            outcome = server.request(credential=alice)
            took = time.perf_counter() - begun
            if not outcome.accepted or outcome.forwarded is None:
                raise RuntimeError(outcome.explain())
            return took

        def bare() -> float:
            begun = time.perf_counter()
            answer = ask((dialled.host, dialled.port), prepared)
            took = time.perf_counter() - begun
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(repr(answer[:200]))
            return took

        return alternate(ours, bare, rounds=_ROUNDS)


ROWS = tuple(
    Row(
        name=f"request-{name}",
        what="request(credential=...), server running",
        against="ssl + socket, same listener, context ready",
        limits=[Limit(Comparison.RATIO, 1.3)],
        measure=partial(_request, engine=engine),
        unit=Unit.MILLISECONDS,
    )
    for name, engine in (("process", "process"), ("container", "docker"))
)
