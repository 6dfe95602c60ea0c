"""What is open at the moment and should be closed by whoever opened it: held connections, servers made by hand."""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pytest_mtls.errors import UnclosedWarning

_OURS: Final = "pytest_mtls."


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that is open.

    Attributes:
        number: those opened later have higher ones.
        what: in words, such as ``a connection to https://localhost:8443``.
        advice: how it would have been closed.
        owner: the server it belongs to, or is.
        file: where it was opened: the caller's file.
        line: and the line in it.
        close: closes it.
    """

    number: int
    what: str
    advice: str
    owner: object
    file: str
    line: int
    close: Callable[[], None]


_held: dict[int, Held] = {}
_numbers: Final = itertools.count(1)


def hold(thing: object, *, what: str, advice: str, owner: object, close: Callable[[], None]) -> None:
    """Remember that ``thing`` is open, and which line outside this package opened it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(_OURS):
        frame = frame.f_back
    place = frame.f_code.co_filename, frame.f_lineno
    _held[id(thing)] = Held(next(_numbers), what, advice, owner, *place, close)


def release(thing: object) -> None:
    """It is closed. Saying so twice is no error."""
    _held.pop(id(thing), None)


def mark() -> int:
    """Everything opened from now on has a higher number."""
    return next(_numbers)


def opened_since(number: int) -> list[Held]:
    """What was opened after that mark and is still open, the latest first: a connection before its server."""
    return sorted((each for each in list(_held.values()) if each.number > number), key=lambda each: -each.number)


def close(left: Iterable[Held], *, test: str) -> None:
    """Close what a test left open, and name all of it in one warning.

    Raises:
        UnclosedWarning: where warnings are errors.
    """
    named = list(left)
    for each in named:
        each.close()
    if named:
        lines = "".join(f"\n  {each.what}, opened at {each.file}:{each.line}: {each.advice}" for each in named)
        first = min(named, key=lambda each: each.number)
        warnings.warn_explicit(
            UnclosedWarning(f"{test} left open, and it was closed at the end of the test:{lines}"),
            None,
            first.file,
            first.line,
        )
