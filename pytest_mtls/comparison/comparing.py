"""The comparison itself: every side asked alike, and what differs put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_mtls.comparison.answers import ABSENT, ANSWER, WORDING, Answer, differing
from pytest_mtls.comparison.difference import Difference, Kind, Occurrence, merged
from pytest_mtls.comparison.known import because
from pytest_mtls.comparison.questions import Clients, Question, questions
from pytest_mtls.comparison.side import Key, Side
from pytest_mtls.errors import NginxStartError

Progress = Callable[[int, int], Any]

_START: Final = "start"
_NOT_STARTED: Final = "does not start"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison came to.

    Attributes:
        sides: what was compared.
        differences: the gravest first.
        places: where all were asked.
        requests: how many, of each side.
        unsteady: what differs from one request to the next, and was left out.
        untried: what could not be asked, and why.
    """

    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]
    places: tuple[str, ...]
    requests: int
    unsteady: tuple[str, ...]
    untried: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "sides": [
                {
                    "name": each.label,
                    "config": str(each.ground.path),
                    "nginx": each.build.version,
                    "openssl": each.build.openssl_version,
                    "refusal": each.refusal,
                }
                for each in self.sides
            ],
            "places": list(self.places),
            "requests": self.requests,
            "differences": [each.to_json() for each in self.differences],
            "unsteady": list(self.unsteady),
            "untried": list(self.untried),
        }


def compare(sides: Sequence[Side], *, progress: Progress | None = None) -> Comparison:
    """Ask every side the same, and say where they differ.

    Args:
        sides: two or more.
        progress: is told how many questions of how many were asked.

    Raises:
        NginxUnavailable: there is no such nginx.
        NginxStartError: none of them starts, and all for one reason.
    """
    refusals = {side.refusal for side in sides}
    if None not in refusals and len(refusals) == 1:
        raise NginxStartError(f"No nginx starts with {sides[0].ground.path}. They said:\n{sides[0].refusal}")
    found = [*_of_the_start(sides), *_of_the_places(sides)]
    asking = _Asking([side for side in sides if side.refusal is None])
    plan = asking.plan()
    for number, (key, question) in enumerate(plan):
        if progress:
            progress(number, len(plan))
        found += asking.differences(key, question)
    return Comparison(
        sides=tuple(sides),
        differences=tuple(merged(found)),
        places=tuple(str(asking.sides[0].places[key]) for key in dict.fromkeys(key for key, _ in plan)),
        requests=len(plan),
        unsteady=tuple(sorted(name for name, steady in asking.steady.items() if not steady)),
        untried=tuple(dict.fromkeys(each for side in sides for each in side.untried)),
    )


def _of_the_start(sides: Sequence[Side]) -> Iterator[Difference]:
    if any(side.refusal is not None for side in sides):
        values = ["starts" if side.refusal is None else f"{_NOT_STARTED}: {side.refusal}" for side in sides]
        yield _difference(Kind.START, _START, sides, values)
    seen = [{_without_place(each) for each in side.warnings} for side in sides]
    named = {_without_place(each): each for side in sides for each in side.warnings}
    for bare, warning in named.items():
        values = [
            _NOT_STARTED if side.refusal is not None else warning if bare in those else ABSENT
            for side, those in zip(sides, seen, strict=True)
        ]
        if len({*values} - {_NOT_STARTED}) > 1:
            yield _difference(Kind.WARNING, "warning", sides, values)


def _without_place(warning: str) -> str:
    """Two configurations are in two folders, and on other lines."""
    return re.sub(r" in \S+?:\d+$", "", warning)


def _of_the_places(sides: Sequence[Side]) -> Iterator[Difference]:
    for key in dict.fromkeys(key for side in sides for key in side.places):
        places = [side.places.get(key) for side in sides]
        values = [ABSENT if place is None else "TLS" if place.tls else "no TLS" for place in places]
        if len({*values}) > 1:
            there = next(place for place in places if place is not None)
            yield _difference(Kind.PLACE, "place", sides, values, str(there), f"listens on {key[0]}")


@dataclass(slots=True)
class _Asking:
    """Asks those that run.

    Attributes:
        sides: those.
        clients: who asks.
        steady: by ``place: aspect`` whether one side says the same twice; only of what differed.
    """

    sides: Sequence[Side]
    clients: Clients = field(default_factory=Clients)
    steady: dict[str, bool] = field(default_factory=dict)

    def plan(self) -> list[tuple[Key, Question]]:
        """Every question at every place that all have; nothing where there is nobody to compare with."""
        if len(self.sides) < 2:
            return []
        keys = [key for key in self.sides[0].places if all(key in side.places for side in self.sides)]
        return list(self._plan(keys))

    def _plan(self, keys: Iterable[Key]) -> Iterator[tuple[Key, Question]]:
        seen: set[tuple[str, str]] = set()
        for key in keys:
            places = [side.places[key] for side in self.sides]
            if len({place.tls for place in places}) == 1:
                intents = [side.ground.intent.identity_headers(side.places[key]) for side in self.sides]
                headers = dict.fromkeys(name for names in intents for name in names)
                for question in questions(places[0], tuple(headers), first=key[:2] not in seen):
                    yield key, question
                seen.add(key[:2])

    def differences(self, key: Key, question: Question) -> Iterator[Difference]:
        """Where the answers to one question differ."""
        answers = [side.ask(self.clients, key, question) for side in self.sides]
        names = self._steady(key, question, differing(answers), answers[0])
        # What was received or sent, and by whose decision, differs with the answer.
        for name in [ANSWER] if ANSWER in names else sorted(names):
            kind = Kind.WORDING if name == WORDING else Kind.RECEIVED if name.startswith("received") else Kind.ANSWER
            values = [answer.in_variables(name) for answer in answers]
            if len({*values}) == 1:
                values = [answer.aspects.get(name, ABSENT) for answer in answers]
            place = str(self.sides[0].places[key])
            yield _difference(kind, name, self.sides, values, place, question.name, answers)

    def _steady(self, key: Key, question: Question, names: set[str], answer: Answer) -> set[str]:
        known = {name: f"{self.sides[0].places[key]}: {name}" for name in names}
        if any(name not in self.steady for name in known.values()):
            moved = differing([answer, self.sides[0].ask(self.clients, key, question)])
            for name, full in known.items():
                self.steady.setdefault(full, name not in moved)
        return {name for name, full in known.items() if self.steady[full]}


def _difference(
    kind: Kind,
    aspect: str,
    sides: Sequence[Side],
    values: Sequence[str],
    place: str = "",
    question: str = "",
    answers: Sequence[Answer] = (),
) -> Difference:
    return Difference(
        kind,
        aspect,
        tuple(zip((side.label for side in sides), values, strict=True)),
        (Occurrence(place, question),) if place else (),
        because(aspect, question, values, [side.build for side in sides], [answer.outcome for answer in answers]),
    )
