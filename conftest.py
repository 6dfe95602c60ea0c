"""This project's own suite: which engines are here, and servers on each of them.

The suite runs every promise about nginx on both engines. Where no container engine answers, its half is skipped, which
is said in one line at the end; with ``PYTEST_MTLS_REQUIRE_ENGINE=1`` it fails instead, so that CI cannot miss it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# At the end of each test, pytester unloads the modules that were loaded during it; whoever loads them again has classes
# that are no longer those of the objects that others keep (a cookie jar of requests, a certificate of cryptography). So
# whatever tests in this process may need is loaded here, before any of them.
import docker
import httpx
import pytest
import requests

import pytest_mtls.oracle.recognition
import pytest_mtls.pki
import pytest_mtls.probe.clients
import pytest_mtls.probe.requests_adapter
import pytest_mtls.report.session
from pytest_mtls import EngineUnavailable, Harness, NginxServer

pytest_plugins = ["pytester"]

_LOADED = (docker, httpx, requests, pytest_mtls)

_SKIPPED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Commands that tests run must be those of this environment, and find what is in its cache."""
    # pytester gives each test a home of its own: what was built once is not to be built there again.
    os.environ.setdefault("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def open_harness(engine: str, config: pytest.Config) -> Harness:
    """A harness with that engine, or a skip; a failure where the engine is required."""
    try:
        return Harness.open(engine)
    except EngineUnavailable as error:
        if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
            pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and there is none: {error}", pytrace=False)
        config.stash[_SKIPPED] = True
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["process", "docker"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """An engine, an authority, the cast: once with plain processes, once with containers."""
    with open_harness(request.param, request.config) as opened:
        yield opened


@pytest.fixture
def serve(harness: Harness) -> Iterator[Callable[..., NginxServer]]:
    """Start private servers; they are stopped at the end of the test."""
    started: list[NginxServer] = []

    def start(**arguments: Any) -> NginxServer:
        started.append(harness.nginx(**arguments))
        return started[-1]

    yield start
    for server in started:
        harness.discard(server)


@pytest.fixture
def process_harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A harness of its own for one test, with plain processes."""
    with open_harness("process", request.config) as opened:
        yield opened


@pytest.fixture
def docker_harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A harness of its own for one test, with containers."""
    with open_harness("docker", request.config) as opened:
        yield opened


@pytest.fixture(params=["process", "docker"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine that is here, for tests that start a session of their own."""
    name: str = request.param
    if name == "docker":
        open_harness(name, request.config).close()
    return name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not run, and how to run it."""
    if config.stash.get(_SKIPPED, False):
        terminalreporter.write_line(
            "No container engine answers: the container half of this suite was skipped. "
            "`sudo make test` on Debian or Ubuntu installs and starts one; elsewhere start Docker or Podman first.",
            yellow=True,
        )
