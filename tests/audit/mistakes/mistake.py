"""One mistake."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

SOUND = Path(__file__).parent.parent / "sound"


@dataclass(frozen=True)
class Mistake:
    """A sound configuration with something wrong in it.

    Attributes:
        name: what it is.
        base: the sound configuration, a folder of ``sound/``.
        edits: file, what stands there, what stands there instead.
        rule: the finding that must come of it.
        grade: of the finding.
        line: file, and a text of the line that must be named.
        nginx: the versions that have it; the bundled one by default.
    """

    name: str
    base: str
    edits: tuple[tuple[str, str, str], ...]
    rule: str
    grade: str
    line: tuple[str, str]
    nginx: str | None = None

    def plant(self, folder: Path) -> Path:
        """Write the configuration with the mistake, and say where its main file is."""
        shutil.copytree(SOUND / self.base, folder, dirs_exist_ok=True)
        for name, old, new in self.edits:
            file = folder / name
            text = file.read_text() if file.exists() else ""
            assert text.count(old) == 1 or not old, f"{self.name}: {old!r} is not once in {name}"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text.replace(old, new) if old else text + new)
        return folder / "nginx.conf"

    def number(self, folder: Path) -> int:
        """The number of the line that must be named."""
        name, text = self.line
        lines = [number for number, line in enumerate((folder / name).read_text().splitlines(), 1) if text in line]
        assert len(lines) == 1, f"{self.name}: {text!r} is not on one line of {name}"
        return lines[0]

    def __str__(self) -> str:
        return self.name
