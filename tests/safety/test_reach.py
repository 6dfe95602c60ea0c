"""Nothing that a session opens is reached from another machine."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import Harness
from pytest_mtls.arguments import ServerArguments
from tests.safety.neighbour import Neighbour, Port, neighbour


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Neighbour]:
    """Another machine."""
    with neighbour() as started:
        yield started


def _addresses(elsewhere: Neighbour) -> set[str]:
    """What this machine may be called from there: its address on the cable, those of its networks, loopback."""
    routes = Path("/proc/net/fib_trie").read_text()
    return {elsewhere.cable, *re.findall(r"\|-- ([\d.]+)\n\s+/32 host LOCAL", routes)}


def _listening_here() -> set[int]:
    """The ports that sockets of this process listen on."""
    own = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            own.add(os.readlink(descriptor))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own}


def _everything(elsewhere: Neighbour, opened: set[int]) -> set[Port]:
    return {(address, port) for address in _addresses(elsewhere) for port in opened}


def test_the_other_machine_reaches_what_is_open_to_all(elsewhere: Neighbour) -> None:
    """Otherwise the tests below could not fail."""
    before = _listening_here()
    with socket.create_server(("0.0.0.0", 0)) as opened:
        port = opened.getsockname()[1]

        assert port in _listening_here() - before
        assert (elsewhere.cable, port) in elsewhere.reaches(_everything(elsewhere, {port}))


def test_no_port_of_a_session_is_reached(harness: Harness, elsewhere: Neighbour) -> None:
    """nginx as published, the recorder, an OCSP responder, applications; at any address of this machine."""
    before = _listening_here()
    with Harness.open(harness.engine.name) as session, session.ca.ocsp_responder() as responder:
        asked = [
            ServerArguments(ocsp=responder),
            ServerArguments(protocol="stream"),
            ServerArguments(upstream=_wsgi),
            ServerArguments(upstream=_asgi),
        ]
        servers = session.start(asked, shared=False)
        outcomes = [server.request(credential=session.ca.issue_client("alice")) for server in servers]
        ours = _listening_here() - before
        published = {server.port for server in servers}

        assert [outcome.accepted for outcome in outcomes] == [True] * 4
        assert len(ours) == 5  # the recorder has two, then there are the responder and two applications
        assert elsewhere.reaches(_everything(elsewhere, ours | published)) == set()


def test_a_container_s_own_address_is_reached_where_the_engine_lets_it(
    docker_harness: Harness, elsewhere: Neighbour
) -> None:
    """Docker before 28 passes on what a neighbour routes to a published port; docs/safety.md says so."""
    client = docker_harness.engine.client  # type: ignore[attr-defined]
    direct = docker_harness.nginx().listener.direct
    assert direct is not None

    reached = elsewhere.reaches({(direct.host, direct.port)})

    engine = int(client.version()["Version"].partition(".")[0])
    assert bool(reached) == (engine < 28)


def _wsgi(environ: dict[str, object], start_response: object) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "0")])  # type: ignore[operator]
    return [b""]


async def _asgi(scope: dict[str, object], receive: object, send: object) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]
