"""Where an nginx says less, or an engine hides the client's port, outcomes are the same but for what is not said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_mtls import CredentialState, Harness, ServerArguments, VerifyMode
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import BUNDLED


@pytest.mark.parametrize("protocol", ["http", "stream"])
def test_an_nginx_without_debug_support_gives_the_same_outcomes(process_harness: Harness, protocol: str) -> None:
    """Only the number of an error that optional_no_ca tolerates is missing: nginx writes it nowhere else."""
    engine: Any = process_harness.engine
    build = engine.build(BUNDLED, Deadline.after(10))
    (binary,) = engine._builds
    engine._builds[binary] = replace(build, arguments=build.arguments.replace("--with-debug", ""))
    asked = [ServerArguments(verify=mode, protocol=protocol) for mode in VerifyMode]
    servers = process_harness.start(asked, shared=True)

    assert "debug" not in servers[0].config
    for server in servers:
        for state in CredentialState:
            expected = server.expected(state)
            outcome = server.request(credential=process_harness.credentials[state])
            if expected.accepted and expected.verify_code:
                expected = replace(expected, verify_code=None, reason="certificate_not_verified")
            assert outcome.differences(expected) == {}, (str(state), outcome.explain())


def test_a_hidden_port_gives_the_same_outcomes(docker_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the published port nginx sees the engine's proxy; connections are told apart by their order."""
    engine: Any = docker_harness.engine
    monkeypatch.setattr(engine.ways, "_direct_works", False)
    asked = [ServerArguments(verify=mode) for mode in VerifyMode]
    servers = docker_harness.start(asked, shared=True)

    assert servers[0].listener.direct is None
    for server in servers:
        for state in CredentialState:
            outcome = server.request(credential=docker_harness.credentials[state])
            assert outcome.differences(server.expected(state)) == {}, (str(state), outcome.explain())
