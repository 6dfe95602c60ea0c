"""Every credential of the cast, in every verify mode: what nginx does is what the oracle says, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pytest_mtls import (
    CredentialState,
    Harness,
    Layer,
    NginxServer,
    ServerArguments,
    VerifyMode,
)

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
def servers(request: pytest.FixtureRequest, harness: Harness) -> Iterator[list[NginxServer]]:
    """One nginx with a listener for each mode."""
    asked = [ServerArguments(verify=mode, **SITUATIONS[request.param]) for mode in VerifyMode]
    started = harness.start(asked, shared=True)
    yield started
    for server in started:
        harness.discard(server)


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


def test_an_error_planted_in_an_expectation_is_reported(process_harness: Harness) -> None:
    """Each attribute that is compared counts."""
    server = process_harness.nginx(verify="on")
    for state in (CredentialState.WRONG_KEY, CredentialState.EXPIRED, CredentialState.VALID, CredentialState.NONE):
        expected = server.expected(state)
        outcome = server.request(credential=process_harness.credentials[state])
        planted = {
            "accepted": not expected.accepted,
            "layer": Layer.CLIENT,
            "status": 999,
            "internal_status": 497,
            "verify": "MAYBE",
            "verify_code": 77,
            "reason": "other",
            "alert": "other",
        }
        for attribute, value in planted.items():
            wrong: dict[str, Any] = {attribute: value}
            assert set(outcome.differences(replace(expected, **wrong))) == {attribute}
