"""One side: an nginx with a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_mtls.comparison.answers import Answer, chosen_by_the_test
from pytest_mtls.comparison.questions import Clients, Question
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.errors import NginxStartError
from pytest_mtls.ground.exchange import Untried
from pytest_mtls.ground.ground import Ground, prepare
from pytest_mtls.ground.places import Place, places_of
from pytest_mtls.harness import Harness
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.own_config.configuration import OwnConfiguration

Key = tuple[str, str, str]
"""Of a place: listener, host, path."""

_WARNING: Final = re.compile(r"\[(?:warn|error|crit|alert)\] (?:\d+#\d+: )?(.*)$")
_OF_ITS_PACKAGE: Final = "could not open error log file"  # nginx older than 1.19.5 tries the path compiled in


@dataclass(eq=False)
class Side:
    """One nginx with one configuration.

    Attributes:
        label: what it is called beside the others.
        ground: runs it.
        places: by listener, host and path.
        untried: what cannot be reached, and why.
    """

    label: str
    ground: Ground
    places: dict[Key, Place] = field(default_factory=dict)
    untried: tuple[str, ...] = ()

    @classmethod
    def of(cls, label: str, ground: Ground) -> Side:
        """A configuration that was read; nothing is started yet."""
        reachable = list(places_of(ground.site))
        found = {(each.listen.written, each.host, each.path): each for each in reachable if isinstance(each, Place)}
        return cls(label, ground, found, tuple(str(each) for each in reachable if isinstance(each, Untried)))

    @cached_property
    def build(self) -> NginxBuild:
        """The nginx, which need not start with this configuration.

        Raises:
            NginxUnavailable: there is none of that name.
        """
        harness = self.ground.harness
        return harness.engine.build(self.ground.nginx or harness.default_nginx, Deadline.after(harness.timeout))

    @cached_property
    def refusal(self) -> str | None:
        """Why it does not start, with the user's file and line; ``None`` where it does, and then it runs."""
        try:
            self._chosen  # noqa: B018
        except NginxStartError as error:
            return str(error).partition("It said:\n")[2] or str(error)
        return None

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What nginx warned of at its start, with the user's files and lines."""
        if self.refusal is not None:
            return ()
        own = self.ground.server.spec.own
        said = [found[1] for line in self.ground.server.log if (found := _WARNING.search(line))]
        theirs = [own.in_their_words(each) if isinstance(own, OwnConfiguration) else each for each in said]
        return tuple(dict.fromkeys(each for each in theirs if _OF_ITS_PACKAGE not in each))

    @cached_property
    def _chosen(self) -> dict[str, str]:
        return chosen_by_the_test(self.ground.server)

    def ask(self, clients: Clients, key: Key, question: Question) -> Answer:
        """What it answers at one of its places."""
        return Answer.of(clients.ask(self.ground, self.places[key], question).outcome, self._chosen)


def sides_of(
    harness: Harness,
    paths: Sequence[Path],
    nginx: Sequence[str | None],
    *,
    files: Mapping[str, Path] = MappingProxyType({}),
    upstreams: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Side, ...]:
    """A side for each path and each nginx; the same clients come to all of them.

    Args:
        harness: runs them.
        paths: of the main files.
        nginx: names; ``None`` is the harness's own.
        files: of the user's own, by the path as it is written.
        upstreams: where requests go, by the target as it is written.

    Raises:
        InvalidArgument: a configuration cannot be read; file and line are named.
    """
    sides = tuple(
        Side.of(
            str(path) if len(paths) > 1 else name or BUNDLED,
            prepare(harness, path, nginx=name, files=files, upstreams=upstreams),
        )
        for path in paths
        for name in nginx
    )
    for side in sides[1:]:
        _share_clients(sides[0], side)
    return sides


def _share_clients(first: Side, other: Side) -> None:
    """Whoever comes to a server of one side comes to that of the other, whatever their files of CAs are called."""
    for key, place in first.places.items():
        if key in other.places:
            other.ground.adopt(other.places[key].server, first.ground.cast(place.server))
