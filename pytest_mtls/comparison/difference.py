"""Where two sides differ: in what, how, and at which places for which questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any


class Kind(str, Enum):
    """What differs, the gravest first."""

    START = "start"
    """One starts and another does not."""
    PLACE = "place"
    """It is there on one side only, or by TLS on one only."""
    ANSWER = "answer"
    """What a client gets."""
    RECEIVED = "received"
    """What the application gets."""
    WARNING = "warning"
    """What nginx warns of when it starts."""
    WORDING = "wording"
    """Only the text behind ``FAILED:``; it matters to those who compare texts."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Where it was seen."""

    place: str
    question: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, with all its occurrences.

    Attributes:
        kind: what differs.
        aspect: of an answer: what exactly.
        values: side and what was seen there.
        occurrences: where.
        because: why, where that is known.
    """

    kind: Kind
    aspect: str
    values: tuple[tuple[str, str], ...]
    occurrences: tuple[Occurrence, ...]
    because: str = ""

    @property
    def by_value(self) -> dict[str, tuple[str, ...]]:
        """What was seen -> the sides on which."""
        found = defaultdict[str, list[str]](list)
        for side, value in self.values:
            found[value].append(side)
        return {value: tuple(sides) for value, sides in found.items()}

    @property
    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Place -> questions."""
        found = defaultdict[str, list[str]](list)
        for each in self.occurrences:
            found[each.place].append(each.question)
        return {place: tuple(asked) for place, asked in found.items()}

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "kind": str(self.kind),
            "aspect": self.aspect,
            "values": dict(self.values),
            "places": {place: list(asked) for place, asked in self.places.items()},
            "because": self.because,
        }


def merged(differences: Iterable[Difference]) -> Iterator[Difference]:
    """One for all that differ in the same way; the gravest first."""
    found: dict[tuple[object, ...], Difference] = {}
    for each in differences:
        key = (each.kind, each.aspect, each.values)
        former = found.get(key)
        found[key] = replace(former, occurrences=(*former.occurrences, *each.occurrences)) if former else each
    # Who gets in comes before the rest of what a client gets.
    yield from sorted(found.values(), key=lambda each: (list(Kind).index(each.kind), each.aspect != Kind.ANSWER.value))
