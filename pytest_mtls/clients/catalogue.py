"""All clients there are, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_mtls.clients.client import Client, Found, is_older
from pytest_mtls.clients.curl import Curl
from pytest_mtls.clients.go import GoClient
from pytest_mtls.clients.installing import install_command
from pytest_mtls.clients.java import JavaClient
from pytest_mtls.clients.node import NodeClient
from pytest_mtls.clients.openssl import OpensslClient
from pytest_mtls.clients.python import PythonClient
from pytest_mtls.errors import ClientUnavailable, InvalidArgument

_ALL: Final[tuple[Client, ...]] = (
    Curl(),
    OpensslClient(),
    GoClient(),
    NodeClient("https"),
    NodeClient("fetch"),
    JavaClient(),
    PythonClient("requests", "2.32"),
    PythonClient("httpx", "0.27"),
    PythonClient("httpx2", "2"),
    PythonClient("aiohttp", "3.9"),
)

CLIENTS: Final[Mapping[str, Client]] = MappingProxyType({each.name: each for each in _ALL})


def named(name: str) -> Client:
    """The client of that name.

    Raises:
        InvalidArgument: there is none; the message lists those there are.
    """
    if name not in CLIENTS:
        raise InvalidArgument.not_one_of("client", name, CLIENTS)
    return CLIENTS[name]


def usable(client: Client) -> Found:
    """Where it is.

    Raises:
        ClientUnavailable: it is not here, or too old; the message has the command that installs it.
    """
    remedy = f"To install it: {install_command(client.packages)}"
    found = client.found()
    if found is None:
        raise ClientUnavailable(f"The client {client.name} ({client.description}) is not on this machine. {remedy}")
    if is_older(found.version, client.oldest):
        raise ClientUnavailable(
            f"The client {client.name} here is {found.version} ({found.program}), and {client.oldest} or later is "
            f"needed. {remedy}"
        )
    return found
