"""Node's two: ``fetch`` (undici), and the module ``https``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.clients.building import PROGRAMS
from pytest_mtls.clients.client import Found, Question
from pytest_mtls.clients.finding import program_found
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.clients.running import reported, run

_VERSION: Final = re.compile(r"^v(\d+\.\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class NodeClient:
    """One of the two.

    Attributes:
        through: ``https`` or ``fetch``.
    """

    through: str
    oldest: str = "18"
    packages: str = "nodejs"

    @property
    def name(self) -> str:
        """``node-https`` or ``node-fetch``."""
        return f"node-{self.through}"

    @property
    def description(self) -> str:
        """Which of the two."""
        return "the module https" if self.through == "https" else "fetch"

    def found(self) -> Found | None:
        """``node`` on PATH."""
        return program_found("node", ("--version",), _VERSION)

    def ask(self, question: Question, found: Found) -> Shown:
        """One program for both."""
        command: list[str | Path] = [found.program, PROGRAMS / "ask.cjs", self.through, *question.arguments]
        return reported(run(command, folder=question.files.folder, seconds=question.seconds))
