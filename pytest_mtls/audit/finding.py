"""What an attack found: a fact, with what was sent and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from pytest_mtls.ground.exchange import Exchange
from pytest_mtls.own_config.source import Directive

_SHOWN = 3


class Grade(str, Enum):
    """How bad it is. Compared by :attr:`weight`."""

    NOTE = "note"
    """Worth knowing; nothing is open."""
    WARNING = "warning"
    """Open under a condition that is not in this configuration's hands, or shut for somebody who should get in."""
    CRITICAL = "critical"
    """Somebody gets in who should not, or under a name that is not theirs."""

    @property
    def weight(self) -> int:
        """The higher the worse."""
        return list(Grade).index(self)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding.

    Attributes:
        name: for machines, and for ``--only``.
        grade: how bad it is, as a rule.
        title: what is wrong, in a sentence.
        why: what follows from it.
        mend: what to write instead.
    """

    name: str
    grade: Grade
    title: str
    why: str
    mend: str

    def to_json(self) -> dict[str, str]:
        """For machines."""
        return {
            "name": self.name,
            "grade": str(self.grade),
            "title": self.title,
            "why": self.why,
            "mend": self.mend,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fact that was demonstrated.

    Attributes:
        rule: its kind.
        grade: how bad it is here.
        attack: which attack found it.
        fact: what was shown, in a sentence.
        directive: what is responsible.
        places: where it was shown, such as ``api.example.com/admin``.
        exchanges: the demonstration.
    """

    rule: Rule
    grade: Grade
    attack: str
    fact: str
    directive: Directive
    places: tuple[str, ...]
    exchanges: tuple[Exchange, ...]

    @property
    def file(self) -> str:
        """Relative to the folder of the configuration."""
        return self.directive.file

    @property
    def line(self) -> int:
        """In that file."""
        return self.directive.words[0].line

    @property
    def written(self) -> str:
        """The directive, as far as it fits on a line."""
        text = " ".join(word.text for word in self.directive.words)
        return f"{text[:97]}..." if len(text) > 100 else text

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "rule": self.rule.name,
            "grade": str(self.grade),
            "attack": self.attack,
            "fact": self.fact,
            "file": self.file,
            "line": self.line,
            "directive": self.written,
            "places": list(self.places),
            "exchanges": [each.to_json() for each in self.exchanges],
            "why": self.rule.why,
            "mend": self.rule.mend,
        }


def merged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """One for each kind and line, with every place; the worst first, then by file and line."""
    found: dict[tuple[str, str, int], Finding] = {}
    for each in findings:
        key = (each.rule.name, each.file, each.line)
        former = found.get(key)
        found[key] = _together(former, each) if former else each
    yield from sorted(found.values(), key=lambda each: (-each.grade.weight, each.file, each.line, each.rule.name))


def _together(one: Finding, other: Finding) -> Finding:
    worse = max(one, other, key=lambda each: each.grade.weight)
    return replace(
        worse,
        places=tuple(dict.fromkeys((*one.places, *other.places))),
        exchanges=(*one.exchanges, *other.exchanges)[:_SHOWN],
    )
