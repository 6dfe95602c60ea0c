"""Where a configuration goes on by TLS, with nginx as the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.targets import split
from pytest_mtls.site.reading import Site, variables_in

_TLS: Final = {"proxy_pass": "https", "grpc_pass": "grpcs"}
_LOOPBACK: Final = re.compile(r"127\.[\d.]+|localhost|\[::1\]|unix:.*")
_ADDRESS: Final = re.compile(r"[\d.]+|\[.*\]")


@dataclass(frozen=True)
class Hop:
    """From one place to what lies behind it.

    Attributes:
        place: where the request comes in.
        passing: the directive that passes it on.
        authority: where to, as it is written.
        members: the servers of that ``upstream {}``; else the authority alone.
        is_group: whether it is an ``upstream {}``.
    """

    place: Place
    passing: Directive
    authority: str
    members: tuple[str, ...]
    is_group: bool

    def setting(self, name: str) -> Directive | None:
        """The directive of that name, without ``proxy_`` or ``grpc_``, that applies."""
        return self.place.block.effective_one(f"{self._module}_{name}")

    def value(self, name: str, default: str = "") -> str:
        """Its first argument."""
        return self.place.block.value(f"{self._module}_{name}", default)

    @property
    def _module(self) -> str:
        return self.passing.name.partition("_")[0]

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of what is behind; none where only addresses are known."""
        hosts = (_host(each) for each in self.members)
        return tuple(each for each in hosts if not _ADDRESS.fullmatch(each) and "$" not in each)

    @property
    def is_local(self) -> bool:
        """Whether it does not leave the machine."""
        return all(_LOOPBACK.fullmatch(_host(each)) for each in self.members)

    @property
    def identity(self) -> str:
        """The file of the certificate that is shown there; empty for none."""
        return self.value("ssl_certificate")


def hops_of(site: Site, places: tuple[Place, ...]) -> Iterator[Hop]:
    """Every one from these places."""
    groups = {
        (top.name, block.directive.args[0]): tuple(each.args[0] for each in block.own("server") if each.args)
        for top in site.tops
        for block in top.blocks("upstream")
        if block.directive.args
    }
    for place in places:
        for passing in place.block.own(*_TLS):
            if not passing.args:
                continue
            scheme, authority, _ = split(passing.args[0])
            by_tls = place.block.value("proxy_ssl", "off") == "on" if place.is_stream else scheme == _TLS[passing.name]
            if by_tls and (not place.is_stream or not variables_in(authority)):
                members = groups.get((place.server.protocol.value, authority))
                yield Hop(place, passing, authority, members or (authority,), members is not None)


def _host(authority: str) -> str:
    return authority if authority.startswith("unix:") else re.sub(r":\d+$", "", authority)
