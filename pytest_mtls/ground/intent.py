"""What a configuration means to protect: read off it, or declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mtls.ground.exchange import ALL, Untried
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.targets import split
from pytest_mtls.site.blocks import PASSES, Block
from pytest_mtls.site.reading import Site


@dataclass(frozen=True, slots=True)
class Intent:
    """What is for holders of a certificate, and what for everybody.

    Attributes:
        site: the configuration.
        protected: prefixes of paths, with a host before them or none, that are declared so.
        public: the same; the longer prefix wins.
    """

    site: Site
    protected: tuple[str, ...] = ()
    public: tuple[str, ...] = ()

    def protects(self, place: Place) -> str | None:
        """Why it is taken to be protected; ``None`` where it is not."""
        declared = self._declared(place)
        if declared is not None:
            return declared or None
        if place.tls and place.server.verify == "on":
            return f"ssl_verify_client on, {place.server.where}"
        check = next((each for each in self.checks(place) if not self.site.about_paths(each)), None)
        return f"it has a check, {check.where}" if check is not None and place.tls else None

    def _declared(self, place: Place) -> str | None:
        """A reason, ``""`` for declared public, ``None`` for nothing declared."""
        hits = [
            (len(prefix), reason)
            for prefixes, reason in ((self.protected, "declared"), (self.public, ""))
            for prefix in prefixes
            if _covers(prefix, place)
        ]
        return max(hits)[1] if hits else None

    def is_public(self, place: Place) -> bool:
        """Whether it is declared to be for everybody."""
        return self._declared(place) == ""

    def idle(self, places: Sequence[Place]) -> list[Untried]:
        """Declarations that no place begins with: nothing was attacked because of them."""
        return [
            Untried(ALL, prefix, "it is declared, and no place begins with it; name a location, or a host before it")
            for prefix in (*self.protected, *self.public)
            if not any(_covers(prefix, place) for place in places)
        ]

    def checks(self, place: Place) -> tuple[Directive, ...]:
        """The conditions on the client's certificate that a request to it meets."""
        blocks = [place.server.block, *([place.location.block] if place.location else [])]
        return tuple(
            condition for block in blocks for condition in block.own("if") if self.site.about_clients(condition)
        )

    def identity_headers(self, place: Place) -> tuple[str, ...]:
        """Headers that nginx fills from the client's certificate for the application behind a place.

        What another server tells another application says nothing of this one.
        """
        targets = set(_targets(place.block))
        blocks = [
            block
            for server in self.site.servers
            for block in server.every_block()
            # A location that only nginx itself asks, as auth_request does, tells its own target and no other.
            if (server is place.server and not block.own("internal")) or targets & set(_targets(block))
        ]
        found: dict[str, str] = {}
        for block in blocks:
            for each in block.effective("proxy_set_header", "grpc_set_header"):
                if len(each.args) == 2 and self.site.about_clients(each):
                    found.setdefault(each.args[0].lower(), each.args[0])
        return tuple(found.values())


def _targets(block: Block) -> list[str]:
    return [split(each.args[0])[1] for each in block.own(*PASSES) if each.args]


def _covers(prefix: str, place: Place) -> bool:
    host, slash, path = prefix.partition("/")
    if host and host not in (place.host, *place.server.names):
        return False
    path = f"{slash}{path}".rstrip("/")
    return place.path == path or place.path.startswith(f"{path}/")
