"""For a terminal: colours where they are wanted, and tables that fit."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

_CODES: Final[Mapping[str, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
}
_GAP: Final = "  "
_SILENT_SECONDS: Final = 2.0
# Identifiers such as unable_to_verify_first_certificate are longer than a column: they may break after an underscore
# or a hyphen.
_PIECE: Final = re.compile(r"[^\s_-]*[_-]|[^\s_-]+")


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text, or leaves it as it is.

    Attributes:
        enabled: whether it does.
    """

    enabled: bool

    @classmethod
    def for_stream(cls, stream: TextIO, environment: Mapping[str, str] | None = None) -> Paint:
        """Colours on a terminal; ``NO_COLOR`` (https://no-color.org) and then ``FORCE_COLOR`` say otherwise."""
        environment = os.environ if environment is None else environment
        if environment.get("NO_COLOR"):
            return cls(False)
        if environment.get("FORCE_COLOR"):
            return cls(True)
        return cls(stream.isatty() and environment.get("TERM") != "dumb")

    def __call__(self, text: str, *styles: str) -> str:
        """``text`` in those styles, such as ``"bold"`` or ``"red"``."""
        codes = ";".join(_CODES[style] for style in styles)
        return f"\033[{codes}m{text}\033[0m" if self.enabled and codes and text else text


class Progress:
    """A line on a terminal for what takes longer than two seconds; used in a ``with`` statement.

    Args:
        what: is counted, such as ``"cells"``.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._shows_from = time.monotonic() + _SILENT_SECONDS
        self._shown = False

    def show(self, done: int, total: int) -> None:
        """Say how far it is."""
        if sys.stderr.isatty() and time.monotonic() > self._shows_from:
            self._shown = True
            print(f"\r{done} of {total} {self._what} ...", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no trace."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Cell:
    """Text with styles, and a note to stand below it."""

    text: str
    styles: tuple[str, ...] = ()
    note: str = ""

    @property
    def longest_word(self) -> int:
        """How wide it must be at the least."""
        return max(map(len, _PIECE.findall(f"{self.text} {self.note}")), default=0)

    def lines(self, width: int, paint: Paint) -> list[str]:
        """Each line painted, and filled up to ``width``."""
        styled = [(line, self.styles) for line in wrap(self.text, width)]
        styled += [(line, ("dim",)) for line in wrap(self.note, width) if self.note]
        return [paint(line, *styles) + " " * (width - len(line)) for line, styles in styled]


def wrapped(text: str, stream: TextIO, *, indent: str = "") -> str:
    """Text in lines that fit a terminal, as far as its longest words allow; elsewhere as it is, for programs to search.

    Args:
        text: without colours; lines stay apart.
        stream: where it will be printed.
        indent: before every line but the first.
    """
    if not stream.isatty():
        return text
    fill = textwrap.TextWrapper(terminal_width() - len(indent), break_long_words=False, break_on_hyphens=False)
    lines = []
    for line in text.splitlines():
        fill.subsequent_indent = line[: len(line) - len(line.lstrip())]
        lines += fill.wrap(line) or [""]
    return f"\n{indent}".join(lines)


def terminal_width() -> int:
    """Columns of the terminal, 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def table(header: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, width: int, paint: Paint) -> Iterator[str]:
    """Lines of a table that is at most ``width`` wide, as far as its longest words allow; long cells are wrapped."""
    widths = _fit([header, *rows], width - len(_GAP) * (len(header) - 1))
    yield from _lines(header, widths, paint)
    yield paint(_GAP.join("─" * each for each in widths), "dim")
    for row in rows:
        yield from _lines(row, widths, paint)


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width``; a longer word is broken after an underscore or a hyphen."""
    lines, line = [], ""
    for word in text.split():
        pieces = [word] if len(word) <= width else _PIECE.findall(word)
        for number, piece in enumerate(pieces):
            joined = f"{line} {piece}" if line and number == 0 else line + piece
            if line and len(joined) > width:
                lines.append(line)
                line = piece
            else:
                line = joined
    return [*lines, line]


def _fit(rows: Sequence[Sequence[Cell]], room: int) -> list[int]:
    """As wide as their texts where there is room, else the widest column gives way, down to its longest word."""
    columns = list(zip(*rows, strict=True))
    widths = [max(len(text) for cell in column for text in (cell.text, cell.note)) for column in columns]
    least = [max(cell.longest_word for cell in column) for column in columns]
    while sum(widths) > room and (shrinkable := [i for i, each in enumerate(widths) if each > least[i]]):
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
    return widths


def _lines(row: Sequence[Cell], widths: Sequence[int], paint: Paint) -> Iterator[str]:
    cells = [cell.lines(width, paint) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        yield _GAP.join(
            lines[number] if number < len(lines) else " " * width for lines, width in zip(cells, widths, strict=True)
        ).rstrip()
