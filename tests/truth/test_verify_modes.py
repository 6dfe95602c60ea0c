"""Every credential of the cast, in every verify mode: what nginx does is what the oracle says, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mtls import CredentialState, Harness, NginxServer, ServerArguments, VerifyMode

SITUATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "crl": {"crl": True},
    "depth-0": {"depth": 0},
    "depth-2": {"depth": 2},
    "depth-3-crl": {"depth": 3, "crl": True},
    "http2": {"http2": True},
    "stream": {"protocol": "stream"},
    "stream-crl": {"protocol": "stream", "crl": True},
}


@pytest.fixture(scope="module", params=SITUATIONS, ids=str)
def servers(request: pytest.FixtureRequest, harness: Harness) -> list[NginxServer]:
    """One nginx with a listener for each mode."""
    asked = [ServerArguments(verify=mode, **SITUATIONS[request.param]) for mode in VerifyMode]
    started = harness.start(asked, shared=True)
    request.addfinalizer(lambda: [harness.discard(server) for server in started])
    return started


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("mode", VerifyMode, ids=str)
def test_nginx_does_what_the_oracle_says(
    servers: list[NginxServer], harness: Harness, mode: VerifyMode, tls: str
) -> None:
    """For each state of the cast: layer, statuses, verdict, number, reason, alert."""
    server = servers[list(VerifyMode).index(mode)]

    wrong = {}
    for state in CredentialState:
        outcome = server.request(credential=harness.credentials[state], tls=tls)
        if differences := outcome.differences(server.expected(state)):
            wrong[str(state)] = differences

    assert wrong == {}


def test_an_accepted_request_arrives_and_a_refused_one_does_not(serve: Any, harness: Harness) -> None:
    """The recorder behind nginx is the third witness."""
    server = serve(verify="optional_no_ca")

    for state in CredentialState:
        outcome = server.request(credential=harness.credentials[state])
        assert outcome.accepted == (outcome.forwarded is not None), outcome.explain()


def test_planted_errors_in_the_table_are_reported(
    serve: Any, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An oracle that is wrong cannot pass."""
    from pytest_mtls import oracle

    server = serve(verify="on")
    planted = {state: oracle.Chain((10,)) for state in oracle.CHAINS if oracle.CHAINS[state].errors != (10,)}
    monkeypatch.setattr(oracle, "CHAINS", {**oracle.CHAINS, **planted})

    for state in planted:
        if state is not CredentialState.WRONG_KEY and 10 not in oracle.CHAINS[CredentialState.EXPIRED].errors[1:]:
            outcome = server.request(credential=harness.credentials[state])
            same = outcome.verify_code == 10
            assert same or not outcome.matches(server.expected(state)), state
