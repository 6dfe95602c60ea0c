"""Running a client's program: with a deadline, in a process group of its own, and in a clean environment."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_mtls.clients.outcome import Shown
from pytest_mtls.deadline import Deadline
from pytest_mtls.headers import Headers
from pytest_mtls.probe.http import Response

_REAPING_SECONDS: Final = 5
# Proxies, trust and options that the environment would add: the server is on this machine, and the question complete.
_LEFT_OUT: Final = frozenset(
    {
        "ALL_PROXY",
        "CURL_CA_BUNDLE",
        "CURL_HOME",
        "GODEBUG",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "NODE_EXTRA_CA_CERTS",
        "NODE_OPTIONS",
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "REQUESTS_CA_BUNDLE",
        "SSLKEYLOGFILE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "_JAVA_OPTIONS",
    }
)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended.

    Attributes:
        exit_status: ``None`` where it was killed.
        out: what it printed.
        err: what it printed to standard error.
    """

    exit_status: int | None
    out: bytes
    err: str

    @property
    def last_line(self) -> str:
        """The last thing it said."""
        return next((line.strip() for line in reversed(self.err.splitlines()) if line.strip()), "")


def run(
    command: Sequence[str | Path],
    *,
    folder: Path,
    seconds: float,
    given: bytes = b"",
    until: Callable[[bytes], bool] | None = None,
) -> Ran:
    """Run a program, and kill it with all it started if it takes longer.

    Args:
        command: what is run; nothing secret.
        folder: where.
        seconds: how long it may take.
        given: its standard input, which ends there.
        until: whether what it printed so far is all; until then its standard input is kept open.

    Raises:
        OSError: it cannot be started.
    """
    environment = {name: value for name, value in os.environ.items() if name.upper() not in _LEFT_OUT}
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    deadline = Deadline.after(seconds)
    try:
        first = b"" if until is None else _converse(process, given, until, deadline)
        out, err = process.communicate(given if until is None else None, timeout=deadline.remaining)
    except subprocess.TimeoutExpired:
        _kill(process)
        out, err = process.communicate(timeout=_REAPING_SECONDS)
        return Ran(None, out, err.decode("utf-8", "replace"))
    except BaseException:
        _kill(process)
        process.communicate(timeout=_REAPING_SECONDS)
        raise
    return Ran(process.returncode, first + out, err.decode("utf-8", "replace"))


def _converse(
    process: subprocess.Popen[bytes], given: bytes, until: Callable[[bytes], bool], deadline: Deadline
) -> bytes:
    """Write, and read until that is all, or it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(given)
        process.stdin.flush()
    received = b""
    while not until(received) and select.select([process.stdout], [], [], deadline.remaining)[0]:
        more = os.read(process.stdout.fileno(), 1 << 16)
        if not more:
            break
        received += more
    return received


def _kill(process: subprocess.Popen[bytes]) -> None:
    # It leads a group, which is still there where the program itself has gone and left something behind.
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def reported(ran: Ran) -> Shown:
    """What one of the programs of this package says on its standard output: one JSON object."""
    if ran.exit_status is None:
        return Shown(killed=True)
    try:
        said: dict[str, Any] = json.loads(ran.out)
    except ValueError:
        return Shown(exit_status=ran.exit_status, text=ran.last_line or "it said nothing")
    if "status" in said:
        fields = Headers((name, value) for name, value in said["headers"])
        return Shown(response=Response(int(said["status"]), fields, b64decode(said["body"])))
    return Shown(errors=_distinct(said["errors"]), text=said["text"], unloadable=bool(said.get("unloadable")))


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Without repetitions side by side: a library often wraps an error in its own of the same name."""
    return tuple(name for place, name in enumerate(names) if place == 0 or names[place - 1] != name)


def response_of(head: bytes, body: bytes) -> Response | None:
    """An HTTP/1 response from its head as text; ``None`` where that is none."""
    first, *lines = head.decode("latin-1").strip().splitlines() or [""]
    words = first.split(" ", 2)
    if not first.startswith("HTTP/") or len(words) < 2 or not words[1].isdigit():
        return None
    fields = (line.partition(":") for line in lines)
    return Response(int(words[1]), Headers((name.strip(), value.strip()) for name, _, value in fields), body)
