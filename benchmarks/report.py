"""Results as one table for a reader, or as JSON for a program."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import Comparison, Limit, Row, Samples

_HEADINGS = ("row", "ours", "peer", "ours is", "quartiles", "limit", "")
_GREEN, _RED, _DIM = "32", "31", "2"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row: samples, or a few words for why there are none."""

    row: Row
    samples: Samples | None = None
    note: str = ""


def verdict(samples: Samples, limit: Limit) -> str:
    """``ok``, ``over``, or nothing where nothing is demanded."""
    if limit.at_most is None:
        return ""
    _, figure, _ = samples.quartiles(limit.comparison)
    return "ok" if figure <= limit.at_most else "over"


def table(results: Sequence[Result], *, colour: bool) -> str:
    """Everything, a line for each limit and one that says what was compared."""
    lines = [(result, _cells(result, limit)) for result in results for limit in result.row.limits]
    widths = [
        max(len(column) for column in columns)
        for columns in zip(_HEADINGS, *(cells for _, cells in lines), strict=True)
    ]
    shown = [_line(_HEADINGS, widths)]
    told: set[str] = set()
    for result, cells in lines:
        row = result.row
        shown.append(_painted(_line(cells, widths), _colour_of(cells[-1]), colour))
        if row.name not in told:
            shown.append(_painted(f"    {row.what}  |  {row.against}", _DIM, colour))
            told.add(row.name)
    return "\n".join(shown)


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """The same, with every sample, in seconds (or bytes)."""
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.platform()}
    return {"machine": machine, "rows": [entry for result in results for entry in _entries(result)]}


def _entries(result: Result) -> Iterator[dict[str, Any]]:
    row, samples = result.row, result.samples
    for limit in row.limits:
        entry: dict[str, Any] = {"name": row.name, "what": row.what, "against": row.against}
        entry |= {"comparison": limit.comparison.value, "limit": limit.at_most}
        if samples is None:
            yield entry | {"note": result.note}
            continue
        yield entry | {
            "quartiles": samples.quartiles(limit.comparison),
            "verdict": verdict(samples, limit),
            "ours": samples.ours,
            "theirs": samples.theirs,
        }


def _cells(result: Result, limit: Limit) -> tuple[str, ...]:
    row, samples = result.row, result.samples
    allowed = "" if limit.at_most is None else _figure(limit.at_most, limit.comparison, row)
    if samples is None:
        return (row.name, "", "", "", "", allowed, result.note)
    low, figure, high = (_figure(value, limit.comparison, row) for value in samples.quartiles(limit.comparison))
    return (
        row.name,
        row.unit.show(statistics.median(samples.ours)),
        row.unit.show(statistics.median(samples.theirs)),
        figure,
        f"{low} to {high}",
        allowed,
        verdict(samples, limit),
    )


def _figure(value: float, comparison: Comparison, row: Row) -> str:
    if comparison is Comparison.RATIO:
        return f"{value:.2f}x"
    sign = "+" if comparison is Comparison.ADDED and value >= 0 else ""
    return sign + row.unit.show(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if number in (0, len(widths) - 1) else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def _colour_of(said: str) -> str:
    return {"ok": _GREEN, "over": _RED, "crashed": _RED}.get(said, "")


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour and code else text
