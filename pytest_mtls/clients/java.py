"""Java's ``HttpClient``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_mtls.clients.building import PROGRAMS, built
from pytest_mtls.clients.client import Found, Question
from pytest_mtls.clients.finding import program_found
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.clients.running import reported, run

_VERSION: Final = re.compile(r"javac (\d+(?:\.\d+)*)")
# It lives for a second: less is compiled, and one thread collects.
_SHORT_LIVED: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


@dataclass(frozen=True, slots=True)
class JavaClient:
    """``java.net.http.HttpClient`` with a PKCS #12 key store and the default key manager, which obeys the server's list
    of CAs."""

    name: str = "java"
    description: str = "java.net.http.HttpClient"
    oldest: str = "11"
    packages: str = "java"

    def found(self) -> Found | None:
        """``javac`` on PATH, and the ``java`` beside it or on PATH."""
        compiler = program_found("javac", ("-version",), _VERSION)
        machine = program_found("java", ("-version",), re.compile(r'version "(\d+(?:\.\d+)*)'))
        return None if compiler is None or machine is None else Found(machine.version, machine.program)

    def ask(self, question: Question, found: Found) -> Shown:
        """The class is compiled once."""
        if question.files.has_credential and not question.files.pkcs12.exists():
            return Shown(text="PKCS #12 cannot hold the private key of another certificate", unloadable=True)
        compiler = program_found("javac", ("-version",), _VERSION)
        assert compiler is not None
        source = PROGRAMS / "Ask.java"
        command = (str(compiler.program), "-d", ".", str(source))
        classes = built(source, f"javac {compiler.version}", command)
        program = (found.program, *_SHORT_LIVED, "-cp", classes, "Ask")
        return reported(run([*program, *question.arguments], folder=question.files.folder, seconds=question.seconds))
