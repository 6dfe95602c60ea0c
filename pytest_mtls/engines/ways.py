"""How this machine and containers reach each other: by ports that the engine publishes on this machine, or by a tunnel
where the engine is on another one."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.api import is_elsewhere, is_podman, speaking
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.engines.protocol import Address, Listener
from pytest_mtls.errors import PortInUse

if TYPE_CHECKING:
    from docker import DockerClient

    from pytest_mtls.engines.tunnel import Forwarding, Tunnel

LOOPBACK: Final = "127.0.0.1"
_DEFAULT_NETWORKS: Final = ("bridge", "podman")
_TRY_SECONDS: Final = 0.3


class Ways(Protocol):
    """Ways between this machine and containers."""

    @property
    def upstream_bind(self) -> str:
        """The address of this machine to listen on for containers."""

    @property
    def upstream_host(self) -> str:
        """The same as containers name it."""

    @property
    def host_for_containers(self) -> str:
        """The engine's machine, as containers name it."""

    def bindings(self, ports: Mapping[int, int | None]) -> dict[int, tuple[str, int | None]]:
        """What the engine is to publish, for ports within and those that were asked for here."""

    def listeners(
        self, container: str, network: Mapping[str, Any], ports: Mapping[int, int | None]
    ) -> tuple[Listener, ...]:
        """How each port of a container is reached.

        Args:
            container: its id.
            network: its ``NetworkSettings``.
            ports: within, and those that were asked for here.

        Raises:
            PortInUse: one that was asked for is taken.
        """

    def open_for(self, config: str, deadline: Deadline) -> None:
        """Let containers reach every port of this machine that a configuration names.

        Raises:
            EngineUnavailable: there is no way any more.
        """

    def forget(self, container: str) -> None:
        """That container is gone."""

    def close(self) -> None:
        """Let go of everything. Doing so twice is no error."""


class PublishedPorts:
    """The engine is on this machine: it publishes on loopback, and containers reach their network's gateway.

    Args:
        bind: the address on which they reach this machine, and no other machine does.
        host: what they call it, where that is not the same.
    """

    def __init__(self, bind: str, host: str | None = None) -> None:
        self.upstream_bind = bind
        self.upstream_host = self.host_for_containers = host or bind
        self._direct_works: bool | None = None

    def bindings(self, ports: Mapping[int, int | None]) -> dict[int, tuple[str, int | None]]:
        """All, on loopback."""
        return {port: (LOOPBACK, wanted) for port, wanted in ports.items()}

    def listeners(
        self, container: str, network: Mapping[str, Any], ports: Mapping[int, int | None]
    ) -> tuple[Listener, ...]:
        """Where each is published, and the container's own address where that is reached."""
        found = []
        for port in ports:
            published = Address(LOOPBACK, int(network["Ports"][f"{port}/tcp"][0]["HostPort"]))
            own = Address(address_in(network), port)
            found.append(Listener(published, own if self._is_reached(own) else None, own))
        return tuple(found)

    def open_for(self, config: str, deadline: Deadline) -> None:
        """Nothing is closed."""

    def forget(self, container: str) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    def _is_reached(self, own: Address) -> bool:
        """Whether this machine reaches containers at their own addresses; tried once.

        A connection to the published port goes through a proxy of the engine's, and nginx sees that one's port.
        """
        if self._direct_works is None and own.host:
            try:
                socket.create_connection((own.host, own.port), _TRY_SECONDS).close()
                self._direct_works = True
            except OSError:
                self._direct_works = False
        return bool(self._direct_works and own.host)


class Tunnelled:
    """The engine is elsewhere: nothing is published, and everything goes through one container over there.

    Args:
        client: of the engine.
        begin: starts the tunnel; called once, when somebody needs it.
    """

    upstream_bind = LOOPBACK

    def __init__(self, client: DockerClient, begin: Callable[[], Tunnel]) -> None:
        self._client = client
        self._begin = begin
        self._forwardings: dict[tuple[str, int], Forwarding] = {}
        self._lock = threading.Lock()
        self._begun: Tunnel | None = None

    @property
    def _tunnel(self) -> Tunnel:
        with self._lock:
            if self._begun is None:
                self._begun = self._begin()
            return self._begun

    @property
    def upstream_host(self) -> str:
        """The container that leads here."""
        return self._tunnel.host

    @property
    def host_for_containers(self) -> str:
        """The gateway of the network that containers are on by default."""
        return _gateway(self._client) or "host.docker.internal"

    def bindings(self, ports: Mapping[int, int | None]) -> dict[int, tuple[str, int | None]]:
        """None: who reaches the engine's machine does not reach nginx."""
        return {}

    def listeners(
        self, container: str, network: Mapping[str, Any], ports: Mapping[int, int | None]
    ) -> tuple[Listener, ...]:
        """A port of this machine's loopback for each; the same one as before, where the container was restarted."""
        address = address_in(network)
        found = []
        for port, wanted in ports.items():
            target = Address(address, port)
            if (container, port) in self._forwardings:
                self._forwardings[container, port].target = str(target)
            else:
                self._forwardings[container, port] = self._forward(str(target), wanted)
            found.append(Listener(Address(LOOPBACK, self._forwardings[container, port].port), None, target))
        return tuple(found)

    def open_for(self, config: str, deadline: Deadline) -> None:
        """Offer the ports of this machine that ``config`` names, and no others."""
        for port in sorted({int(each) for each in re.findall(rf"\b{re.escape(self.upstream_host)}:(\d+)\b", config)}):
            self._tunnel.offer(port, deadline)

    def forget(self, container: str) -> None:
        """Listen for it no more."""
        for key in [key for key in list(self._forwardings) if key[0] == container]:
            self._tunnel.forget(self._forwardings.pop(key))

    def close(self) -> None:
        """End the tunnel."""
        for container, _ in list(self._forwardings):
            self.forget(container)
        if self._begun is not None:
            self._begun.close()

    def _forward(self, target: str, wanted: int | None) -> Forwarding:
        try:
            with within_limits(f"listen on a port of {LOOPBACK}", any_port=not wanted):
                return self._tunnel.forward(target, wanted or 0)
        except OSError as error:
            raise PortInUse(
                f"Tried to listen on {LOOPBACK}:{wanted}, saw: {error}. Choose another port, or none for a free one."
            ) from error


def address_in(network: Mapping[str, Any]) -> str:
    """A container's address, from its ``NetworkSettings``; empty where it has none."""
    networks = (network.get("Networks") or {}).values()
    return str(network.get("IPAddress") or next((each["IPAddress"] for each in networks if each.get("IPAddress")), ""))


def _gateway(client: DockerClient) -> str | None:
    """The engine's machine on the network that containers are on by default."""
    for name in _DEFAULT_NETWORKS:
        with contextlib.suppress(Exception):
            pool = client.api.inspect_network(name)["IPAM"]["Config"][0]
            return pool.get("Gateway") or str(next(ipaddress.ip_network(pool["Subnet"]).hosts()))
    return None


def ways_for(client: DockerClient, begin: Callable[[], Tunnel]) -> Ways:
    """The ways that work with that engine.

    Args:
        client: of the engine.
        begin: starts a tunnel.
    """
    if is_elsewhere():
        return Tunnelled(client, begin)
    if (gateway := _gateway(client)) and _is_of_this_machine(gateway):
        return PublishedPorts(gateway)
    with speaking(client, "ask the container engine for its version"):
        version = client.version()
    if is_podman(version):
        # Its network's address comes and goes with the containers there, and 4.3 has no name for this machine.
        return Tunnelled(client, begin)
    # An engine in a machine of its own (Docker Desktop) forwards this name to our loopback.
    return PublishedPorts(LOOPBACK, "host.docker.internal")


def _is_of_this_machine(address: str) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind((address, 0))
        return True
    return False
