"""nginx as a child process, by hand: files, spawn, ask until it answers."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bare import configuration
from benchmarks.bare.certificates import Minted, mint
from benchmarks.bare.exchange import ask_until_answered, client_context

_LOG = "error.log"
_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """An nginx that answers.

    Attributes:
        address: where.
        master: its process.
        log: its error log, with notices.
    """

    address: tuple[str, int]
    master: int
    log: Path


@contextlib.contextmanager
def nginx(
    binary: Path, folder: Path, minted: Minted | None = None, modes: Sequence[str] = ("on",)
) -> Iterator[Running]:
    """Entered once each listener has answered a handshake; left once nginx is gone."""
    with contextlib.ExitStack() as free:
        sockets = [free.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in modes]
        ports = [int(each.getsockname()[1]) for each in sockets]
    listeners = {f"127.0.0.1:{port}": mode for port, mode in zip(ports, modes, strict=True)}
    _write(folder, configuration.files(minted or mint(), listeners, log=_LOG))
    process = subprocess.Popen(
        [binary, "-e", "stderr", "-p", folder, "-c", folder / configuration.CONFIG, "-g", "daemon off;"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENSSL_CONF": os.devnull},
    )

    def ended() -> str | None:
        return None if process.poll() is None else (folder / _LOG).read_text(errors="replace")[-500:]

    try:
        for port in ports:
            ask_until_answered(("127.0.0.1", port), client_context(), ended)
        yield Running(("127.0.0.1", ports[0]), process.pid, folder / _LOG)
    finally:
        _end(process)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        mode = 0o600 if name == configuration.KEY else 0o644
        with open(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_GRACE)
