"""A container that somebody else started, as nginx's upstream: where it is, by its name."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.engines.api import speaking
from pytest_mtls.engines.protocol import Address
from pytest_mtls.errors import InvalidArgument

if TYPE_CHECKING:
    from docker import DockerClient

_DEFAULT_NETWORKS: Final = ("bridge", "podman")
_HOST_NETWORK: Final = "host"
_TRY_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A running container.

    Attributes:
        on_host: whether it has the network of the engine's machine.
        addresses: its own, by network, the network that containers are on by default first.
        published: its ports where they are published on this machine, by the port within.
    """

    on_host: bool
    addresses: Mapping[str, str]
    published: Mapping[int, Address]


def neighbour(client: DockerClient, name: str) -> Neighbour:
    """The container of that name.

    Raises:
        InvalidArgument: there is none, or it does not run.
        EngineUnavailable: the engine does not answer.
    """
    from docker.errors import NotFound

    with speaking(client, f"find the container {name}"):
        try:
            seen = client.api.inspect_container(name)
        except NotFound:
            running = ", ".join(sorted(_names(client))) or "none"
            raise InvalidArgument(
                f"upstream='container://{name}:...': the container engine knows no container of that name. "
                f"Running are: {running}."
            ) from None
    if not seen["State"]["Running"]:
        raise InvalidArgument(
            f"upstream='container://{name}:...': that container is {seen['State'].get('Status', 'not running')}; "
            "start it first."
        )
    network = seen["NetworkSettings"]
    addresses = {each: said.get("IPAddress") for each, said in (network.get("Networks") or {}).items()}
    ordered = sorted(addresses, key=lambda each: each not in _DEFAULT_NETWORKS)
    return Neighbour(
        on_host=seen["HostConfig"].get("NetworkMode") == _HOST_NETWORK,
        addresses={each: address for each in ordered if (address := addresses[each])},
        published=dict(_published(network.get("Ports") or {})),
    )


def network_and_address(client: DockerClient, name: str, port: int, host: str) -> tuple[str | None, Address]:
    """Where another container finds it: the network to be on, ``None`` for that of this machine, and the address.

    Args:
        client: of the engine of both.
        name: the container.
        port: the port within.
        host: this machine, as containers name it.

    Raises:
        InvalidArgument: there is no such container, it does not run, or it is on no network.
        EngineUnavailable: the engine does not answer.
    """
    found = neighbour(client, name)
    if found.on_host:
        return None, Address(host, port)
    for network, address in found.addresses.items():
        return network, Address(address, port)
    raise _on_no_network(name)


def address_from_here(client: DockerClient, name: str, port: int) -> Address:
    """Where a process of this machine finds it: its own address, or where its port is published if that is not reached.

    Raises:
        InvalidArgument: there is no such container, it does not run, or it is on no network.
        EngineUnavailable: the engine does not answer.
    """
    found = neighbour(client, name)
    if found.on_host:
        return Address("127.0.0.1", port)
    ways = [Address(address, port) for address in found.addresses.values()]
    if port in found.published:
        ways.append(found.published[port])
    if not ways:
        raise _on_no_network(name)
    return next((way for way in ways if _answers(way)), ways[0])


def _on_no_network(name: str) -> InvalidArgument:
    return InvalidArgument(f"upstream='container://{name}:...': that container is on no network with an address.")


def _published(ports: Mapping[str, Any]) -> Iterator[tuple[int, Address]]:
    for inner, outer in ports.items():
        number, _, kind = inner.partition("/")
        if kind == "tcp" and outer:
            host = outer[0]["HostIp"]
            yield (
                int(number),
                Address("127.0.0.1" if host in ("", "0.0.0.0", "::") else host, int(outer[0]["HostPort"])),
            )


def _answers(address: Address) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((address.host, address.port), _TRY_SECONDS).close()
        return True
    return False


def _names(client: DockerClient) -> Iterator[str]:
    for each in client.api.containers():
        yield from (name.lstrip("/") for name in each["Names"])
