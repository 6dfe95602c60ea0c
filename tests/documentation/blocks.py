"""The blocks of code on a page, and what each is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"

RUN: Final = ("python", "console", "nginx", "ini")
"""The languages of what is run."""

_BLOCK: Final = re.compile(r"^```(\{?[\w-]*\}?)[^\n]*\n(.*?)^```$", re.M | re.S)
_NOT_RUN: Final = re.compile(r"<!-- not run: (.+?) -->\s*\Z")
_FILE: Final = re.compile(r"`([\w./-]+\.\w+)`[^`\n]*:\s*\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        language: as it is given; of a directive, its name in braces.
        text: what is in it.
        file: the file that the sentence before it names.
        not_run: why it is not run; ``None`` for one that is.
    """

    language: str
    text: str
    file: str | None
    not_run: str | None

    @property
    def is_suite(self) -> bool:
        """Whether pytest runs it."""
        return self.language == "python" and "def test_" in self.text

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Of a console: each command, and the lines it is said to print."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
        return found


def blocks_of(page: Path) -> list[Block]:
    """In the order of the page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for each in _BLOCK.finditer(text):
        before = text[: each.start()]
        reason, file = _NOT_RUN.search(before), _FILE.search(before)
        found.append(Block(each[1], each[2], file[1] if file else None, reason[1] if reason else None))
    return found


def fits(printed: str, shown: list[str]) -> bool:
    """Whether a command printed what a page shows; ``...`` stands for anything, also for lines."""
    if not shown:
        return True
    wanted = re.escape("\n".join(shown)).replace(re.escape("..."), ".*")
    # Rows of signs are as wide as the terminal was.
    return re.search(re.sub(r"(?:\\?=){3,}|(?:\\?-){3,}", ".+", wanted), printed, re.S) is not None
