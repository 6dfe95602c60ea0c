"""What a row is, and how two sides are measured against each other."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.place import Place


class Missing(Exception):
    """Something a row needs is not on this machine; the text says what, in two or three words."""


class Unit(Enum):
    """What is measured: how it is called, and how many of it make one of the unit that is measured in."""

    MICROSECONDS = ("µs", 1e6)
    MILLISECONDS = ("ms", 1e3)
    SECONDS = ("s", 1.0)
    MEGABYTES = ("MB", 1e-6)

    def show(self, value: float) -> str:
        """A value with its unit, three digits where there are that many."""
        name, factor = self.value
        scaled = value * factor
        digits = 0 if abs(scaled) >= 100 else 1 if abs(scaled) >= 10 else 2
        return f"{scaled:.{digits}f} {name}"


class Comparison(Enum):
    """What of two neighbours is held against a limit, as the median over all of them."""

    RATIO = "ratio"
    """Ours divided by theirs."""
    ADDED = "added"
    """Ours less theirs."""
    ABSOLUTE = "absolute"
    """Ours alone."""

    def of(self, ours: float, theirs: float) -> float:
        """The figure itself."""
        if self is Comparison.RATIO:
            return ours / theirs
        return ours - theirs if self is Comparison.ADDED else ours


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that is allowed; with ``at_most=None`` the figure is only shown."""

    comparison: Comparison
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """What was measured, in turn: the first of ours, the first of theirs, the second of ours, ..."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    def quartiles(self, comparison: Comparison) -> tuple[float, float, float]:
        """Of the figures of neighbours; the second one, the median, is held against the limit.

        What drifts slowly is the same for neighbours and cancels out. On a busy machine that is steadier than what
        the two medians give, and close to it on a quiet one.
        """
        figures = [comparison.of(*pair) for pair in zip(self.ours, self.theirs, strict=True)]
        low, middle, high = statistics.quantiles(figures, n=4, method="inclusive")
        return low, middle, high


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        name: to ask for it on the command line.
        what: ours, in a few words.
        against: theirs, in a few words.
        limits: what is held against what; a line of the table each.
        measure: does it; raises :class:`Missing` where it cannot.
        unit: of the medians.
    """

    name: str
    what: str
    against: str
    limits: Sequence[Limit]
    measure: Callable[[Place], Samples]
    unit: Unit = Unit.MILLISECONDS


def alternate(ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int) -> Samples:
    """Measure both in turn, ``rounds`` times each, after one round that does not count.

    Each side returns what it measured, so that setting up and tidying away need not be part of it.
    """
    pairs = [(ours(), theirs()) for _ in range(rounds + 1)][1:]
    return Samples(tuple(mine for mine, _ in pairs), tuple(other for _, other in pairs))
