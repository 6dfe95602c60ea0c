"""Measured cells beside the oracle's: every credential in every mode, on one nginx in one engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pytest_mtls import CredentialState, Harness, ServerArguments, VerifyMode

SITUATIONS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "plain": {},
        "crl": {"crl": True},
        "depth-0": {"depth": 0},
        "depth-2": {"depth": 2},
        "depth-3": {"depth": 3},
        "depth-0-crl": {"depth": 0, "crl": True},
        "depth-3-crl": {"depth": 3, "crl": True},
        "http2": {"http2": True},
        "stream": {"protocol": "stream"},
        "stream-crl": {"protocol": "stream", "crl": True},
    }
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One credential, asked once.

    Attributes:
        name: everything that was chosen, in words.
        differences: attribute -> (expected, observed); empty where the oracle is right.
    """

    name: str
    differences: Mapping[str, tuple[object, object]]


def measure(
    harness: Harness,
    nginx: str,
    situation: str,
    *,
    modes: Iterable[VerifyMode] = VerifyMode,
    states: Iterable[CredentialState] = CredentialState,
    versions: Iterable[str] = ("1.2", "1.3"),
) -> Iterator[Cell]:
    """Start one nginx with a listener for each mode, and ask it with each credential."""
    modes, states, versions = tuple(modes), tuple(states), tuple(versions)
    asked = [ServerArguments(verify=mode, nginx=nginx, **SITUATIONS[situation]) for mode in modes]
    servers = harness.start(asked, shared=True)
    # nginx 1.18 does not see stream data that came in one packet with the end of a TLS 1.3 handshake, and so never
    # answers it now and then; what it thinks of the certificate is in its log all the same.
    patience: dict[str, Any] = {"timeout": 1.0} if "stream" in situation and nginx == "bullseye" else {}
    try:
        for mode, server in zip(modes, servers, strict=True):
            for version in versions:
                for state in states:
                    outcome = server.request(credential=harness.credentials[state], tls=version, **patience)
                    name = f"{nginx} {harness.engine.name} {situation} {mode} TLS {version} {state}"
                    yield Cell(name, outcome.differences(server.expected(state)))
    finally:
        for server in servers:
            harness.discard(server)
