"""curl, the command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.clients.client import Found, Question
from pytest_mtls.clients.finding import program_found
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.clients.running import response_of, run
from pytest_mtls.pki.files import write_private

_VERSION: Final = re.compile(r"^curl (\d+\.\d+\.\d+)")
_MESSAGE: Final = re.compile(r"^curl: \(\d+\) (.*)", re.M)
_CREDENTIAL_PROBLEM: Final = 58
"""CURLE_SSL_CERTPROBLEM of libcurl-errors(3)."""


@dataclass(frozen=True, slots=True)
class Curl:
    """curl, as ``server.curl()`` writes it; a passphrase is in a configuration file of its own."""

    name: str = "curl"
    description: str = "the command"
    oldest: str = "7.54"
    packages: str = "curl"

    def found(self) -> Found | None:
        """``curl`` on PATH."""
        return program_found("curl", ("--version",), _VERSION)

    def ask(self, question: Question, found: Found) -> Shown:
        """Head and body go to files, errors to standard error."""
        files = question.files
        head, body = files.folder / "head", files.folder / "body"
        command = [
            str(found.program), "--disable", "--noproxy", "*", "--silent", "--show-error",
            "--max-time", f"{question.seconds:g}", "--dump-header", str(head), "--output", str(body),
            f"--tlsv{question.tls[0]}", "--tls-max", question.tls[-1], "--cacert", str(files.trust),
        ]  # fmt: skip
        if files.has_credential:
            command += ["--cert", str(files.chain), "--key", str(files.key)]
        if files.is_encrypted:
            settings = files.folder / "curlrc"
            write_private(settings, f'pass = "{_quoted(files.passphrase.read_text().rstrip())}"\n'.encode())
            command += ["--config", str(settings)]
        ran = run([*command, question.url], folder=files.folder, seconds=question.seconds)
        if ran.exit_status is None:
            return Shown(killed=True)
        message = _MESSAGE.search(ran.err)
        return Shown(
            response=response_of(_content(head), _content(body)),
            exit_status=ran.exit_status,
            text=message[1] if message else "",
            unloadable=ran.exit_status == _CREDENTIAL_PROBLEM,
        )


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
