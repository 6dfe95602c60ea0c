"""The locations of a server, and which of them nginx takes for a path (``ngx_http_core_find_location``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from pytest_mtls.site.blocks import Block
from pytest_mtls.site.patterns import Pattern, compiled
from pytest_mtls.site.samples import samples

_REGULAR = ("~", "~*")


@dataclass(frozen=True, eq=False)
class Location:
    """One ``location``.

    Attributes:
        block: what is in it.
        modifier: ``=``, ``^~``, ``~``, ``~*`` or nothing.
        pattern: a prefix, a path or a regular expression; of a named location ``@name``.
    """

    block: Block
    modifier: str
    pattern: str

    @classmethod
    def of(cls, block: Block) -> Location:
        """From its block."""
        first, *rest = block.directive.args or ("",)
        if rest:
            return cls(block, first, rest[0])
        for modifier in ("^~", "~*", "~", "="):  # nginx takes them without a blank as well
            if first.startswith(modifier):
                return cls(block, modifier, first[len(modifier) :])
        return cls(block, "", first)

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular expression."""
        return self.modifier in _REGULAR

    @property
    def is_internal(self) -> bool:
        """Whether no client can ask for it."""
        return self.pattern.startswith("@") or bool(self.block.own("internal"))

    @cached_property
    def nested(self) -> tuple[Location, ...]:
        """The locations within it."""
        return locations_of(self.block)

    @cached_property
    def _regular(self) -> Pattern | None:
        return compiled(self.pattern, ignore_case=self.modifier == "~*")

    def matches(self, path: str) -> bool:
        """Whether it could be taken for that path."""
        if self.modifier == "=":
            return path == self.pattern
        if self.is_regular:
            return bool(self._regular and self._regular.search(path))
        return path.startswith(self.pattern)

    def candidates(self) -> Iterator[str]:
        """Paths that could lead to it."""
        if self.modifier == "=":
            yield self.pattern
        elif self.is_regular:
            for text in samples(self.pattern, ignore_case=self.modifier == "~*"):
                yield from (text, f"/{text}", f"/audit{text}", f"/audit/{text}", f"{text}/audit", f"{text}audit")
        else:
            yield from (self.pattern, f"{self.pattern}audit", f"{self.pattern}/audit", f"{self.pattern}audit/")

    def __str__(self) -> str:
        return f"location {f'{self.modifier} ' if self.modifier else ''}{self.pattern}"


def locations_of(block: Block) -> tuple[Location, ...]:
    """The locations directly in a server, or a location."""
    return tuple(Location.of(each) for each in block.blocks("location"))


def every_location(locations: Iterable[Location]) -> Iterator[Location]:
    """Those and the ones within them."""
    for each in locations:
        yield each
        yield from every_location(each.nested)


def taken(locations: tuple[Location, ...], path: str) -> Location | None:
    """The location that nginx takes for a normalised path; ``None`` where it is the server itself.

    An exact one; else the longest prefix, unless that has no ``^~`` and a regular expression matches, the first of
    them in the file, those within the prefix before those beside it.
    """
    plain = [each for each in locations if not each.pattern.startswith("@")]
    exact = next((each for each in plain if each.modifier == "=" and each.matches(path)), None)
    if exact:
        return exact
    prefixes = [each for each in plain if each.modifier in ("", "^~") and each.matches(path)]
    longest = max(prefixes, key=lambda each: len(each.pattern), default=None)
    inner = taken(longest.nested, path) if longest else None
    if inner is not None and (inner.is_regular or inner.modifier == "="):
        return inner
    if (inner or longest) is None or (inner or longest).modifier != "^~":  # type: ignore[union-attr]
        for each in plain:
            if each.is_regular and each.matches(path):
                return taken(each.nested, path) or each
    return inner or longest


def path_to(location: Location, locations: tuple[Location, ...]) -> str | None:
    """A path for which nginx takes that location; ``None`` where none was found."""
    for path in location.candidates():
        if path.startswith("/") and "//" not in path and taken(locations, path) is location:
            return path
    return None
