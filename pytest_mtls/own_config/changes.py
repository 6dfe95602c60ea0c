"""What was changed in a configuration, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One directive that runs otherwise than it is written.

    Attributes:
        file: of the user's, relative to the folder of their nginx.conf.
        line: in that file.
        directive: its name.
        changed: what was made of what.
        why: the reason.
    """

    file: str
    line: int
    directive: str
    changed: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.directive}: {self.changed} ({self.why})"
