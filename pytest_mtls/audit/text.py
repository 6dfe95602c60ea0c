"""An audit in lines of text, for a terminal or a failed test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pytest_mtls.audit.attack import Attack
from pytest_mtls.audit.auditing import Audit
from pytest_mtls.audit.finding import Finding, Grade
from pytest_mtls.ground.exchange import ALL, Untried
from pytest_mtls.report.terminal import Paint, wrap

STYLES: Final = {Grade.CRITICAL: ("red", "bold"), Grade.WARNING: ("yellow", "bold"), Grade.NOTE: ("cyan",)}
_INDENT: Final = 10
_INDENT_OF_GRADES: Final = 11
_EVIDENCE_LINES: Final = 3
_NAMED_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class Texts:
    """How it is written.

    Attributes:
        width: columns there are.
        paint: colours, or none.
    """

    width: int
    paint: Paint

    def finding(self, found: Audit, each: Finding) -> Iterator[str]:
        """One finding: what and where, what was shown, why it matters, how to mend it, how to see it again."""
        yield from self._headed(str(each.grade), STYLES[each.grade], each.rule.name, each.rule.title)
        where = printable(f"{found.path_of(each)}:{each.line}")
        first, *rest = hanging(f"{where}: {printable(each.written)}", self.width - 2)
        yield f"  {first.replace(where, self.paint(where, 'cyan'), 1)}"
        yield from (f"  {line}" for line in rest)
        yield from self._labelled("shown", sentence(each.fact))
        for seen, together in groupby(each.exchanges, lambda exchange: exchange.seen):
            for exchange in together:
                yield from self._labelled("sent", exchange.sent, at_most=_EVIDENCE_LINES)
            yield from self._labelled("got", seen, at_most=_EVIDENCE_LINES)
        if each.places[1:]:
            yield from self._labelled("also", named(each.places[1:]))
        yield from self._labelled("why", each.rule.why)
        yield from self._labelled("mend", each.rule.mend)
        # On one line, whatever the width: it is to be copied.
        yield f"  {'repeat':7} {printable(found.repeat(each))}"

    def untried(self, untried: Iterable[Untried]) -> Iterator[str]:
        """What could not be tried, the same reason once."""
        for (attack, why), places in alike(untried).items():
            where = named(places)
            yield from self._headed("not tried", ("dim",), where if attack == ALL else f"{attack} at {where}", why)

    def attack(self, attack: Attack) -> Iterator[str]:
        """One attack, and what it may come to."""
        yield self.paint(attack.name, "bold")
        yield from (f"  {line}" for line in wrap(attack.tries, self.width - 2))
        for rule in attack.rules:
            told = f"{rule.name}: {rule.title}"
            yield from self._labelled(str(rule.grade), told, STYLES[rule.grade], indent=_INDENT_OF_GRADES)

    def _headed(self, label: str, styles: Sequence[str], name: str, text: str) -> Iterator[str]:
        first, *rest = hanging(printable(f"{label} {name}: {text}"), self.width)
        said = first.removeprefix(f"{label} ")
        known = printable(name) if said.startswith(f"{printable(name)}:") else ""
        yield f"{self.paint(label, *styles)} {self.paint(known, 'bold')}{said.removeprefix(known)}"
        yield from rest

    def _labelled(
        self, label: str, text: str, styles: Sequence[str] = (), *, at_most: int = 0, indent: int = _INDENT
    ) -> Iterator[str]:
        lines = wrap(printable(text), self.width - indent - 1)
        if at_most and len(lines) > at_most:
            lines = [*lines[: at_most - 1], f"{lines[at_most - 1]} ..."]
        yield f"  {self.paint(label, *styles)}{' ' * (indent - 2 - len(label))}{lines[0]}"
        yield from (f"{'':{indent}}{line}" for line in lines[1:])


def hanging(text: str, width: int) -> list[str]:
    """In lines, all but the first set in."""
    first, *rest = wrap(text, width)
    return [first, *(f"  {line}" for line in wrap(" ".join(rest), width - 2) if rest)]


def counted(found: Audit) -> str:
    """How much was found."""
    return ", ".join(numbered(grade, count) for grade, count in found.counts.items() if count) or "nothing found"


def attacked(found: Audit) -> str:
    """What was done."""
    attacks, places = len(found.attacks), len(found.places)
    return f"{attacks} {'attack' if attacks == 1 else 'attacks'} on {places} {'place' if places == 1 else 'places'}"


def numbered(grade: Grade, count: int) -> str:
    """Such as ``2 notes``."""
    return f"{count} {grade}" if count == 1 or grade is Grade.CRITICAL else f"{count} {grade}s"


def sentence(fact: str) -> str:
    """As one; the name of a host or of a header stays as it is."""
    word = fact.partition(" ")[0]
    return f"{word.capitalize() if word.isalpha() and word.islower() else word}{fact[len(word) :]}."


def alike(untried: Iterable[Untried]) -> dict[tuple[str, str], list[str]]:
    """Places by attack and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in untried:
        found.setdefault((each.attack, each.why), []).append(each.place)
    return found


def named(places: Sequence[str]) -> str:
    """A few of them, and how many more there are."""
    more = f" and {len(places) - _NAMED_PLACES} more" if len(places) > _NAMED_PLACES else ""
    return ", ".join(places[:_NAMED_PLACES]) + more


def printable(text: str) -> str:
    """What a configuration or an answer says may hold codes that a terminal would obey."""
    return "".join(each if each.isprintable() or each.isspace() else repr(each)[1:-1] for each in text)


def markdown(text: str) -> str:
    """Text of ours as Markdown, in which these would be markup; an underscore within a name is none."""
    return "".join(f"\\{letter}" if letter in "\\`*<[" else letter for letter in text)
