"""``openssl s_client``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_mtls.clients.client import Found, Question
from pytest_mtls.clients.finding import program_found
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.clients.running import Ran, response_of, run

_VERSION: Final = re.compile(r"^OpenSSL (\d+\.\d+\.\d+)")
_OPTIONS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {("1.2",): ("-tls1_2",), ("1.3",): ("-tls1_3",)}
_BOTH: Final = ("-no_ssl3", "-no_tls1", "-no_tls1_1")
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"^content-length: *(\d+)", re.I | re.M)
_UNLOADABLE: Final = re.compile(
    r"^(?:Could not read (?:private key|client cert)|unable to load|Error setting (?:private key|certificate)|"
    r"error setting (?:private key|certificate))",
    re.M,
)
# A line of OpenSSL's error queue begins with the number of a thread, another one each time.
_ERROR: Final = re.compile(r"^(?:[0-9A-F]+:)?((?:error:|verify error:|Could not |unable to ).*)", re.M)


@dataclass(frozen=True, slots=True)
class OpensslClient:
    """``openssl s_client -quiet``, with the request on its standard input."""

    name: str = "openssl"
    description: str = "openssl s_client"
    oldest: str = "1.1.1"
    packages: str = "openssl"

    def found(self) -> Found | None:
        """``openssl`` on PATH, if it is OpenSSL's."""
        return program_found("openssl", ("version",), _VERSION)

    def ask(self, question: Question, found: Found) -> Shown:
        """It ends with its standard input, which is kept open until the answer is there."""
        files = question.files
        command = [
            str(found.program), "s_client", "-quiet", "-no_ign_eof", "-connect", str(question.address),
            "-servername", "localhost", "-CAfile", str(files.trust), "-verify_return_error",
            "-verify_hostname", "localhost",
            *_OPTIONS.get(question.tls, _BOTH),
        ]  # fmt: skip
        if files.has_credential:
            command += ["-cert", str(files.chain), "-key", str(files.key)]
            if files.issuers.exists():
                command += ["-cert_chain", str(files.issuers)]
        if files.is_encrypted:
            command += ["-pass", f"file:{files.passphrase}"]
        request = f"GET {question.path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()
        return _shown(run(command, folder=files.folder, seconds=question.seconds, given=request, until=_is_whole))


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(_HEAD_END)
    length = _LENGTH.search(head)
    return bool(end and length) and len(body) >= int(length[1] if length else 0)


def _shown(ran: Ran) -> Shown:
    if ran.exit_status is None:
        return Shown(killed=True)
    head, _, body = ran.out.partition(_HEAD_END)
    error = _ERROR.search(ran.err)
    return Shown(
        response=response_of(head, body),
        exit_status=ran.exit_status,
        text=error[1].strip() if error else "",
        unloadable=ran.exit_status != 0 and _UNLOADABLE.search(ran.err) is not None,
    )
