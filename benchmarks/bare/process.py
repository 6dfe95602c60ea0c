"""nginx as a child process, by hand: files, spawn, ask until it answers."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bare import configuration
from benchmarks.bare.certificates import mint
from benchmarks.bare.exchange import ask_until_answered, client_context

_LOG = "error.log"
_GRACE = 5.0


@contextlib.contextmanager
def nginx(binary: Path, folder: Path) -> Iterator[None]:
    """Entered once the first handshake has been answered; left once nginx is gone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    _write(folder, configuration.files(mint(), {f"127.0.0.1:{port}": "on"}, log=_LOG))
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
        ask_until_answered(("127.0.0.1", port), client_context(), ended)
        yield
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
