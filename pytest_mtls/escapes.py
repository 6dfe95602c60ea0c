"""Text of unknown origin for a terminal: what such text holds may be a code that the terminal obeys."""

from __future__ import annotations

from typing import Final

_LAYOUT: Final = "\n\t"


def printable(text: str) -> str:
    """The same, with every control character, direction mark and lone surrogate as its escape; lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in _LAYOUT else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
