"""The HTTP libraries of Python, each in a process of its own, so that whatever hangs can be ended."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from pytest_mtls.clients.client import Found, Question
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.clients.running import reported, run


@dataclass(frozen=True, slots=True)
class PythonClient:
    """A library that takes an ``ssl.SSLContext``.

    Attributes:
        name: of the module, and of the package.
    """

    name: str
    oldest: str

    @property
    def description(self) -> str:
        """What it is."""
        return "Python"

    @property
    def packages(self) -> str:
        """Of the package index."""
        return f"pip:{self.name}"

    def found(self) -> Found | None:
        """In the environment that runs this; it is not imported here."""
        if util.find_spec(self.name) is None:
            return None
        return Found(metadata.version(self.name), Path(sys.executable))

    def ask(self, question: Question, found: Found) -> Shown:
        """The program is a module of this package."""
        command: list[str | Path] = [
            found.program,
            "-m",
            "pytest_mtls.clients.programs.ask",
            self.name,
            *question.arguments,
        ]
        return reported(run(command, folder=question.files.folder, seconds=question.seconds))
