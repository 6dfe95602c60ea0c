"""One request and what came of it; and what could not be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pytest_mtls.outcome import Outcome

ALL: Final = "all"
"""The attack of an :class:`Untried` that is about every one."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and what came of it.

    Attributes:
        sent: in words.
        seen: in words.
        outcome: all of it.
    """

    sent: str
    seen: str
    outcome: Outcome

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        forwarded = self.outcome.forwarded
        return {
            "sent": self.sent,
            "seen": self.seen,
            "status": self.outcome.status,
            "internal_status": self.outcome.internal_status,
            "verify": self.outcome.verify,
            "reached_application": forwarded is not None,
            "forwarded": [list(field) for field in forwarded.fields] if forwarded is not None else None,
        }

    def __str__(self) -> str:
        return f"{self.sent} -> {self.seen}"


@dataclass(frozen=True, slots=True)
class Untried:
    """What could not be tried.

    Attributes:
        attack: which.
        place: where.
        why: and what to do about it.
    """

    attack: str
    place: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.attack}: {self.why}"
