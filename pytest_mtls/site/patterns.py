"""The regular expressions of a configuration, matched without trusting them.

nginx has PCRE. The library here knows nearly all of its syntax, and, unlike ``re``, ends when it is told to: a pattern
such as ``(a+)+$`` takes years over forty characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import regex

_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Pattern:
    """One of them.

    Attributes:
        text: as it is written.
    """

    text: str
    _compiled: Any

    def search(self, text: str) -> regex.Match[str] | None:
        """The first match; ``None`` also where looking for one took too long."""
        try:
            found: regex.Match[str] | None = self._compiled.search(text, timeout=_SECONDS)
        except TimeoutError:
            return None
        return found


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, ignore_case: bool = False) -> Pattern | None:
    """A pattern; ``None`` where it cannot be read."""
    try:
        return Pattern(pattern, regex.compile(pattern, regex.IGNORECASE if ignore_case else 0))
    except (regex.error, OverflowError, RecursionError):
        return None
