"""Engines that are not reached by a socket of this machine: who is refused, and why; and the way through a tunnel."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import open_harness
from pytest_mtls import EngineUnavailable, Harness, PortInUse, ServerGone
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.api import connect, endpoint
from tests.engines.elsewhere import over_tcp


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "PYTEST_MTLS_PLAIN_ENGINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("host", ["tcp://192.0.2.1:2375", "192.0.2.1:2375", "http://engine.test:2375"])
@pytest.mark.parametrize("verify", ["", None])
def test_keys_do_not_go_to_another_machine_in_the_clear(
    host: str, verify: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor to whoever answers there; refused before anything is sent."""
    monkeypatch.setenv("DOCKER_HOST", host)
    if verify is not None:
        monkeypatch.setenv("DOCKER_TLS_VERIFY", verify)
        monkeypatch.setenv("DOCKER_CERT_PATH", "/nowhere")

    with pytest.raises(EngineUnavailable, match=r"unencrypted.*DOCKER_TLS_VERIFY.*PYTEST_MTLS_PLAIN_ENGINE=1"):
        Harness.open("docker")
    with Harness.open("auto") as harness:
        assert (harness.engine.name, "unencrypted" in harness.why) == ("process", True)


def test_whoever_asks_for_it_gets_it_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried then, and here nobody answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.2", 0))
        port = silent.getsockname()[1]
        monkeypatch.setenv("DOCKER_HOST", f"tcp://0.0.0.0:{port}")
        monkeypatch.setenv("PYTEST_MTLS_PLAIN_ENGINE", "1")

        with pytest.raises(EngineUnavailable, match=r"no container engine answers.*refused"):
            connect()


@pytest.mark.parametrize(
    "host, said",
    [
        ("ssh://127.0.0.1:1", "ssh does not get to .*refused"),
        ("ssh://-oProxyCommand=true", "is no address"),
        ("ssh://-l@host", "is no address"),
        ("ssh://host:port", "is no address"),
        ("ssh://", "is no address"),
    ],
)
def test_ssh_that_gets_nowhere_says_why(host: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never asks anything, and a host is never an option."""
    monkeypatch.setenv("DOCKER_HOST", host)

    with pytest.raises(EngineUnavailable, match=said):
        connect()


@pytest.fixture
def tunnelled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """The engine that is here, as if it were elsewhere."""
    open_harness("docker", request.config).close()
    with over_tcp(endpoint().removeprefix("unix://")) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        with Harness.open("docker") as harness:
            yield harness


def test_all_goes_through_the_tunnel(tunnelled: Harness) -> None:
    """Requests, what the recorder received, an OCSP responder, a restart; nothing is published,
    and no port of this machine is reached that no configuration named."""
    alice = tunnelled.ca.issue_client("alice")
    with tunnelled.ca.ocsp_responder() as responder, socket.create_server(("127.0.0.1", 0)) as private:
        nginx = tunnelled.nginx(verify="on", ocsp=responder)

        outcome = nginx.request("/path", credential=alice)

        assert outcome.accepted
        assert outcome.forwarded is not None
        assert outcome.forwarded.target == "/path"
        assert responder.serials == (alice.certificate.serial_number,)
        assert nginx.request().internal_status == 496
        nginx.restart()
        assert nginx.request(credential=alice).accepted
        with pytest.raises(PortInUse, match=f"127.0.0.1:{private.getsockname()[1]}"):
            tunnelled.nginx(port=private.getsockname()[1])
        engine: Any = tunnelled.engine
        for each in engine.client.containers.list(filters={"label": [f"{k}={v}" for k, v in engine.labels.items()]}):
            assert not any(each.attrs["NetworkSettings"]["Ports"].values())
        unnamed = engine.ways._tunnel.forward(f"{engine.upstream_host}:{private.getsockname()[1]}", 0)
        # The reset may come before the connection is there.
        with pytest.raises(ConnectionResetError):
            with contextlib.closing(socket.create_connection(("127.0.0.1", unnamed.port), 5)) as refused:
                refused.recv(1)
        engine.ways._tunnel.forget(unnamed)


def test_a_tunnel_that_was_cut_is_named(tunnelled: Harness) -> None:
    """Its container was removed from outside: requests fail, and what needs it says why."""
    nginx = tunnelled.nginx(verify="off")
    engine: Any = tunnelled.engine
    tunnel = engine.ways._tunnel

    engine.client.api.remove_container(tunnel._id, force=True)

    tunnel._thread.join(5)
    with pytest.raises(ServerGone, match="refused"):
        nginx.request()
    with pytest.raises(
        EngineUnavailable, match=r"let containers over there reach port 9 .*has ended.*start the session"
    ):
        tunnel.offer(9, Deadline.after(5))
