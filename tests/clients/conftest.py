"""The clients of this machine, and one set of servers for all that they are asked."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from conftest import open_harness
from pytest_mtls import ClientUnavailable, Harness
from pytest_mtls.clients.catalogue import named, usable
from pytest_mtls.clients.measure import MeasuredAnswer, measure
from pytest_mtls.clients.situations import SITUATIONS

Measure = Callable[..., list[MeasuredAnswer]]


@pytest.fixture(scope="session")
def processes(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A harness with plain processes, for all of these tests."""
    with open_harness("process", request.config) as opened:
        yield opened


@pytest.fixture
def present() -> Callable[[str], None]:
    """Skips where a client is not here; fails where everything is required."""

    def check(name: str) -> None:
        try:
            usable(named(name))
        except ClientUnavailable as error:
            if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
                pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set: {error}", pytrace=False)
            pytest.skip(str(error))

    return check


@pytest.fixture
def measured(processes: Harness, present: Callable[[str], None]) -> Measure:
    """Asks a client in some situations."""

    def ask(client: str, names: list[str], versions: list[str]) -> list[MeasuredAnswer]:
        present(client)
        return list(measure(processes, [client], [SITUATIONS[name] for name in names], versions=versions))

    return ask


@pytest.fixture
def silence() -> Iterator[str]:
    """The URL of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
