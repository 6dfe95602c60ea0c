"""What lies behind a place: which application, and what it is asked for."""

from __future__ import annotations

from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.targets import split
from pytest_mtls.site.blocks import PASSES, Block
from pytest_mtls.site.reading import Listen, Server, Site, variables_in


def passes(block: Block) -> tuple[Directive, ...]:
    """What hands on requests there, also under an ``if``; a location inherits none."""
    return tuple(each for one in (block, *block.blocks("if")) for each in one.own(*PASSES) if each.args)


def applications(site: Site, block: Block) -> frozenset[str]:
    """The addresses that requests are handed to: an upstream's servers, a variable's values."""
    return frozenset(
        address for each in passes(block) for address in _addresses(site, split(each.args[0])[1] or each.args[0])
    )


def _addresses(site: Site, authority: str) -> tuple[str, ...]:
    values = [
        value
        for name in variables_in(authority)
        for _, directive in site.sources.get(name, ())
        for value in _values(site, directive)
    ]
    known = [split(each)[1] or each for each in values] or [authority]
    return tuple(
        address.removesuffix(":80") for each in known for address in (each, *site.upstreams.get(each, ())) if address
    )


def _values(site: Site, directive: Directive) -> list[str]:
    if directive.name == "set":
        return [directive.args[1]]
    return [each.args[0] for each in site.tree.flat(directive.block or ()) if each.args]


def place_at(ground: Ground, written: str, host: str, path: str) -> Place | None:
    """Where a request to that listener, for that host and path, comes to; ``None`` where nothing listens there."""
    server = ground.site.answering(written, host)
    if server is None:
        return None
    listen = next(each for each in server.listens if each.written == written)
    return within(server, listen, host, path)


def within(server: Server, listen: Listen, host: str, path: str) -> Place:
    """Where a request to that server comes to."""
    found = Place(server, listen, None, path, host)
    return Place(server, listen, found.at(path), path, host)


def same_application(ground: Ground, one: Place, other: Place) -> bool:
    """Whether requests to both are handed to the same address."""
    return bool(applications(ground.site, one.block) & applications(ground.site, other.block))


def asked_of(ground: Ground, place: Place) -> str:
    """What the application is asked for there: as it was seen, else as it was asked for."""
    forwarded = ground.honest(place).outcome.forwarded
    return forwarded.target if forwarded is not None else place.path
