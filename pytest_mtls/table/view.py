"""The table as people read it: rows of credentials, columns of modes, and in a cell what differs between nginx."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_mtls.nginx.spec import VerifyMode
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.verdict import Verdict
from pytest_mtls.table.measure import Gap, MeasuredCell


@dataclass(frozen=True, slots=True)
class Variant:
    """What one or several nginx did alike.

    Attributes:
        cells: one for each of them.
    """

    cells: tuple[MeasuredCell, ...]

    @property
    def seen(self) -> Verdict:
        """What they did."""
        return self.cells[0].seen

    @property
    def names(self) -> tuple[str, ...]:
        """Which they are."""
        return tuple(cell.nginx for cell in self.cells)

    @property
    def is_wrongly_expected(self) -> bool:
        """Whether the oracle knew otherwise of any of them."""
        return any(cell.differences for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Row:
    """One credential in one situation.

    Attributes:
        state: the credential.
        variants: mode -> what was done, the most common first; nothing in a mode that nginx does not take.
    """

    state: CredentialState
    variants: Mapping[VerifyMode, tuple[Variant, ...]]

    @property
    def differs(self) -> bool:
        """Whether two nginx did not do the same."""
        return any(len(each) > 1 for each in self.variants.values())

    @property
    def is_wrongly_expected(self) -> bool:
        """Whether the oracle knew otherwise anywhere."""
        return any(variant.is_wrongly_expected for each in self.variants.values() for variant in each)


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one situation and version of TLS."""

    situation: str
    tls: str
    rows: tuple[Row, ...]


def sections(cells: Iterable[MeasuredCell], situations: Sequence[str]) -> list[Section]:
    """Everything that was measured, ordered by situation, in the order given, then TLS, then credential."""
    found = defaultdict[tuple[str, str, CredentialState, VerifyMode], list[MeasuredCell]](list)
    for cell in cells:
        found[cell.situation, cell.tls, cell.state, cell.mode].append(cell)
    places = sorted({key[:2] for key in found}, key=lambda place: (situations.index(place[0]), place[1]))
    states = [state for state in CredentialState if any(key[2] is state for key in found)]
    return [
        Section(
            situation,
            tls,
            tuple(
                Row(state, {mode: _variants(found[situation, tls, state, mode]) for mode in VerifyMode})
                for state in states
            ),
        )
        for situation, tls in places
    ]


def missing(gaps: Iterable[Gap]) -> Iterator[tuple[str, str]]:
    """What was not measured, where, and why; situations with the same reason together."""
    alike = defaultdict[tuple[str, str], list[str]](list)
    for gap in gaps:
        alike[gap.nginx, gap.why].append(gap.situation)
    for (nginx, why), situations in alike.items():
        yield f"{', '.join(situations)} on {nginx}", why


def _variants(cells: Iterable[MeasuredCell]) -> tuple[Variant, ...]:
    """Those that did the same together; the most common first."""
    alike = defaultdict[tuple[object, ...], list[MeasuredCell]](list)
    for cell in cells:
        alike[cell.seen.substance].append(cell)
    return tuple(Variant(tuple(each)) for each in sorted(alike.values(), key=len, reverse=True))
