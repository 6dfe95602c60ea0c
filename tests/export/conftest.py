"""Running an exported folder as its reader would: with nothing of this project."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_mtls.engines.sources import BundledSource, named_source


@dataclass(frozen=True)
class Steps:
    """What ``steps.sh`` said."""

    status: int
    out: str

    @property
    def verdicts(self) -> list[str]:
        """One for each command."""
        return re.findall(r"^   (as it should: .*|DIFFERENT: .*)$", self.out, re.M)


def free_port() -> int:
    """A port that is free, as is the next one, where the stand-in will listen."""
    for _ in range(50):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except (OSError, OverflowError):
                continue
            return port
    raise AssertionError("no two ports side by side are free")


def listening_sockets() -> set[tuple[str, int]]:
    """Address and port of every TCP socket of this machine that listens (proc_net_tcp(5))."""
    found = set()
    for family, table in ((socket.AF_INET, "/proc/net/tcp"), (socket.AF_INET6, "/proc/net/tcp6")):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == "0A":
                words, port = local.split(":")
                packed = b"".join(
                    int(words[each : each + 8], 16).to_bytes(4, "little") for each in range(0, len(words), 8)
                )
                found.add((socket.inet_ntop(family, packed), int(port, 16)))
    return found


def run_steps(folder: Path) -> Steps:
    """Ask everything."""
    done = subprocess.run(["./steps.sh"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return Steps(done.returncode, done.stdout + done.stderr)


@pytest.fixture
def plain_nginx() -> Iterator[Callable[..., None]]:
    """Starts an nginx in a folder as its README says, and stops it so in the end."""
    started: list[tuple[list[str], Path, dict[str, str]]] = []

    def start(folder: Path, *, nginx: str | None = None, options: tuple[str, ...] = ()) -> None:
        source = BundledSource() if nginx is None else named_source(nginx)
        assert source is not None
        program = source.program()
        command = [*program.command, "-p", ".", "-c", "nginx.conf", *options]
        environment = {"PATH": os.environ["PATH"], "OPENSSL_CONF": program.environment.get("OPENSSL_CONF", "")}
        started.append((command, folder, {name: value for name, value in environment.items() if value}))
        _run(*started[-1])

    yield start
    for command, folder, environment in started:
        _run([*command, "-s", "stop"], folder, environment)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def compose() -> list[str]:
    """The command, or a skip where there is none; a failure where everything is required."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=20, check=False).returncode == 0:
        return ["docker", "compose"]
    if (found := shutil.which("docker-compose")) is not None:
        return [found]
    advice = "no docker compose here: `make test` installs it on Debian and Ubuntu, as does `.ci/install compose`"
    if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
        pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and there is {advice}", pytrace=False)
    pytest.skip(advice)
