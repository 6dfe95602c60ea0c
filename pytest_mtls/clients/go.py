"""Go's ``net/http``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_mtls.clients.building import PROGRAMS, built
from pytest_mtls.clients.client import Found, Question
from pytest_mtls.clients.finding import program_found
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.clients.running import reported, run

_VERSION: Final = re.compile(r"go version go(\d+\.\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class GoClient:
    """``http.Client`` with ``tls.Config.Certificates``: sends none of them that the server's list of CAs leaves out."""

    name: str = "go"
    description: str = "net/http"
    oldest: str = "1.16"
    packages: str = "golang"

    def found(self) -> Found | None:
        """``go`` on PATH: the program is built with it."""
        return program_found("go", ("version",), _VERSION)

    def ask(self, question: Question, found: Found) -> Shown:
        """The program is built once."""
        source = PROGRAMS / "ask.go"
        command = (str(found.program), "build", "-o", "ask", str(source))
        folder = built(source, f"go {found.version}", command)
        ran = run([folder / "ask", *question.arguments], folder=question.files.folder, seconds=question.seconds)
        return reported(ran)
