"""The servers of a configuration: what they are called, where they listen, and which variables decide in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.own_config.listening import address, is_udp
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.tree import Tree
from pytest_mtls.site.blocks import Block
from pytest_mtls.site.locations import Location, every_location, locations_of
from pytest_mtls.site.patterns import compiled
from pytest_mtls.site.samples import samples

UNKNOWN_NAME: Final = "unknown.invalid"  # RFC 6761 section 6.4
PATHS: Final = ("request_uri", "uri", "document_uri", "request_filename")
"""Variables that hold the path; ``$request_uri`` as the client wrote it."""

_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True)
class Listen:
    """One ``listen``.

    Attributes:
        written: the address, as nginx would say it: ``*:443``.
        tls: whether it says ``ssl``.
        default: whether its server answers where no name fits.
        directive: as it is written.
    """

    written: str
    tls: bool
    default: bool
    directive: Directive


@dataclass(frozen=True, eq=False)
class Server:
    """One ``server``.

    Attributes:
        block: what is in it.
        protocol: http or stream.
        listens: where it listens.
    """

    block: Block
    protocol: Protocol
    listens: tuple[Listen, ...]

    @property
    def where(self) -> str:
        """``file:line``."""
        return self.block.where

    @cached_property
    def names(self) -> tuple[str, ...]:
        """As ``server_name`` has them."""
        return tuple(name for each in self.block.own("server_name") for name in each.args)

    @cached_property
    def locations(self) -> tuple[Location, ...]:
        """Those directly in it."""
        return locations_of(self.block)

    def every_location(self) -> Iterator[Location]:
        """Also those within others."""
        return every_location(self.locations)

    def every_block(self) -> Iterator[Block]:
        """The server itself, its locations, and what is under an ``if`` in them."""
        for block in (self.block, *(each.block for each in self.every_location())):
            yield block
            yield from block.blocks("if")

    @property
    def verify(self) -> str:
        """``ssl_verify_client``."""
        return self.block.value("ssl_verify_client", "off")

    @property
    def name(self) -> str | None:
        """A host name under which it is found; ``None`` where it has none of its own."""
        return next(self._names(), None)

    def _names(self) -> Iterator[str]:
        for name in self.names:
            if name.startswith("~"):
                yield from (each for each in samples(name[1:]) if re.fullmatch(r"[\w.-]+", each))
            elif name.startswith("."):
                yield name[1:]
            elif "*" in name:
                yield name.replace("*", "audit")
            elif name not in ("", "_") and "$" not in name:
                yield name

    def __str__(self) -> str:
        named = self.name or (self.names[0] if self.names else "")
        return f"server {named}".rstrip() if named not in ("", "_") else f"server at {self.where}"


@dataclass(frozen=True, eq=False)
class Site:
    """A whole configuration.

    Attributes:
        tree: its files.
        tops: the ``http`` and ``stream`` blocks.
        servers: in the order of the configuration.
    """

    tree: Tree
    tops: tuple[Block, ...]
    servers: tuple[Server, ...]

    @classmethod
    def read(cls, path: Path, given: Mapping[str, Path] = MappingProxyType({})) -> Site:
        """The configuration whose main file is ``path``; ``given`` stand for files of other places.

        Raises:
            InvalidArgument: it cannot be read; file and line are named.
        """
        tree = Tree.of(path, given)
        inside = tree.flat(tree.main.directives, (tree.main.name,))
        tops = tuple(Block(tree, each) for each in inside if each.name in ("http", "stream") and each.block is not None)
        servers = tuple(server for each in tops for server in _servers(each))
        return cls(tree, tops, servers)

    @cached_property
    def sources(self) -> dict[str, list[tuple[frozenset[str], Directive]]]:
        """What each variable is made of, by ``map`` and ``set``: variable -> (variables, directive), without ``$``.

        What a ``set`` under an ``if`` comes to is also made of what that asks for.
        """
        found: dict[str, list[tuple[frozenset[str], Directive]]] = {}
        for block in self._blocks():
            for each in block.inner:
                if each.name == "map" and each.block is not None and len(each.args) == 2:
                    values = [value for inner in self.tree.flat(each.block) for value in inner.args]
                    of = variables_in(each.args[0], *values)
                    found.setdefault(each.args[1].lstrip("$"), []).append((of, each))
                elif each.name == "set" and len(each.args) == 2:
                    asked = block.directive.args if block.name == "if" else ()
                    of = variables_in(each.args[1], *asked)
                    found.setdefault(each.args[0].lstrip("$"), []).append((of, each))
        return found

    def _blocks(self) -> Iterator[Block]:
        yield from self.tops
        for server in self.servers:
            yield from server.every_block()

    def comes_from(self, variable: str, prefix: str) -> bool:
        """Whether a variable is one that begins so, or is made of such."""
        waiting, seen = [variable], set()
        while waiting:
            name = waiting.pop()
            if name.startswith(prefix):
                return True
            if name not in seen:
                seen.add(name)
                waiting += [each for of, _ in self.sources.get(name, ()) for each in of]
        return False

    def about_clients(self, directive: Directive) -> bool:
        """Whether its arguments have something to do with the client's certificate."""
        return any(self.comes_from(name, "ssl_client_") for name in variables_in(*directive.args))

    def about_paths(self, directive: Directive) -> bool:
        """Whether its arguments have something to do with what is asked for."""
        return any(self.comes_from(name, each) for name in variables_in(*directive.args) for each in PATHS)

    @cached_property
    def upstreams(self) -> dict[str, tuple[str, ...]]:
        """The servers of each ``upstream``, by its name."""
        return {
            group.directive.args[0]: tuple(each.args[0] for each in group.own("server") if each.args)
            for top in self.tops
            for group in top.blocks("upstream")
            if group.directive.args
        }

    def answering(self, written: str, host: str) -> Server | None:
        """The server that nginx takes on a listener for a host name; ``None`` where nothing listens there.

        The exact name, the longest ``*.suffix``, the longest ``prefix.*``, the first regular expression, the default
        (``ngx_http_find_virtual_server``).
        """
        there = [each for each in self.servers if any(listen.written == written for listen in each.listens)]
        fits = [(fit, each) for each in there for name in each.names if (fit := _fit(name, host.lower())) is not None]
        best = max(fits, key=lambda each: each[0], default=None)  # of equals the first, as nginx does
        if best:
            return best[1]
        return next((e for e in there for each in e.listens if each.written == written and each.default), None)


def _fit(name: str, host: str) -> tuple[int, int] | None:
    """How well a ``server_name`` fits a host name; the higher the better, ``None`` for not at all."""
    if name.startswith("~"):
        pattern = compiled(name[1:], ignore_case=True)
        return (1, 0) if pattern and pattern.search(host) else None
    name = name.lower()
    if name.startswith("."):
        return (4, 0) if host == name[1:] else (3, len(name)) if host.endswith(name) else None
    if name.startswith("*."):
        return (3, len(name)) if host.endswith(name[1:]) and len(host) >= len(name) else None
    if name.endswith(".*"):
        return (2, len(name)) if host.startswith(name[:-1]) else None
    return (4, 0) if name == host else None


def variables_in(*texts: str) -> frozenset[str]:
    """The variables that stand in them, without ``$``."""
    return frozenset(name for text in texts for name in _VARIABLE.findall(text))


def _servers(top: Block) -> Iterator[Server]:
    protocol = Protocol(top.name)
    blocks = top.blocks("server")
    given = [[each for each in block.own("listen") if each.args and not is_udp(each)] for block in blocks]
    marked = {
        address(each.args[0]): block
        for block, listens in zip(blocks, given, strict=True)
        for each in listens
        if {"default_server", "default"} & set(each.args[1:])
    }
    first: dict[str, Block] = dict(marked)
    for block, listens in zip(blocks, given, strict=True):
        if not listens and protocol is Protocol.HTTP and not block.own("listen"):
            first.setdefault("*:80", block)
        for each in listens:
            first.setdefault(address(each.args[0]), block)
    for block, listens in zip(blocks, given, strict=True):
        found = tuple(
            Listen(written, "ssl" in each.args[1:], first[written] is block, each)
            for each in listens
            for written in (address(each.args[0]),)
        )
        if not block.own("listen") and protocol is Protocol.HTTP:
            found = (Listen("*:80", False, first["*:80"] is block, block.directive),)
        yield Server(block, protocol, found)
