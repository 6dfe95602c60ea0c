"""Where attacks are made: each location of each server, on each kind of listener it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_mtls.ground.exchange import ALL, Untried
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.own_config.source import Directive
from pytest_mtls.site.blocks import Block
from pytest_mtls.site.locations import Location, path_to, taken
from pytest_mtls.site.reading import UNKNOWN_NAME, Listen, Server, Site


@dataclass(frozen=True, eq=False)
class Place:
    """One location, as a client reaches it.

    Attributes:
        server: whose it is.
        listen: the listener.
        location: ``None`` for what the server does itself.
        path: that leads there.
        host: that leads to the server.
    """

    server: Server
    listen: Listen
    location: Location | None
    path: str
    host: str

    @property
    def tls(self) -> bool:
        """Whether clients shake hands."""
        return self.listen.tls

    @property
    def is_stream(self) -> bool:
        """Whether bytes go through rather than requests."""
        return self.server.protocol is Protocol.STREAM

    @property
    def block(self) -> Block:
        """The innermost block."""
        return self.location.block if self.location else self.server.block

    @property
    def directive(self) -> Directive:
        """The line that makes it."""
        return self.block.directive

    def at(self, path: str) -> Location | None:
        """The location that the same server takes for another path."""
        return taken(self.server.locations, path)

    def __str__(self) -> str:
        if self.is_stream:
            return f"stream {self.listen.written}"
        return f"{'' if self.tls else 'http://'}{self.host}{self.path}"


def places_of(site: Site) -> Iterator[Place | Untried]:
    """Every place, and those that cannot be reached."""
    for server in site.servers:
        if not server.listens:
            yield Untried(ALL, str(server), "it listens for datagrams only, which no client here sends")
        for listen in _different(server):
            host = server.name or (UNKNOWN_NAME if listen.default else None)
            if host is None:
                yield Untried(ALL, f"{server} ({server.where})", "no host name leads to it, and it is no default")
            else:
                yield from _of_listener(server, listen, host)


def _different(server: Server) -> Iterator[Listen]:
    """One listener of each port: IPv6 twins are told apart by nothing."""
    seen = set()
    for each in server.listens:
        port = each.written.rpartition(":")[2]
        if (port, each.tls) not in seen:
            seen.add((port, each.tls))
            yield each


def _of_listener(server: Server, listen: Listen, host: str) -> Iterator[Place | Untried]:
    if server.protocol is Protocol.STREAM:
        yield Place(server, listen, None, "", host)
        return
    for location in server.every_location():
        if location.is_internal:
            continue
        path = path_to(location, server.locations)
        if path is None:
            yield Untried(ALL, f"{host} {location} ({location.block.where})", "no path was found that leads to it")
        else:
            yield Place(server, listen, location, path, host)
    if taken(server.locations, "/") is None:
        yield Place(server, listen, None, "/", host)
