"""``pytest-mtls serve``: what it prints works as printed, and nothing stays."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls.deadline import Deadline, wait_until
from tests.commands.conftest import Ran, Served

DEPLOY = Path(__file__).parents[1] / "own_config" / "deploy" / "nginx.conf"

Start = Callable[..., Served]
Run = Callable[..., Ran]


def announced(served: Served) -> dict[str, Any]:
    """The JSON object that ``serve --json`` begins with."""

    def whole(out: str) -> dict[str, Any] | None:
        try:
            value: dict[str, Any] = json.loads(out)
        except ValueError:
            return None
        return value

    found: dict[str, Any] = served.wait_for(whole, "a JSON object")
    return found


def pasted(command: str) -> str:
    """What a shell says to a command."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def status_of(answer: str) -> str:
    """The HTTP status in what curl, openssl or the Python command printed."""
    first = answer.split()[:2]
    return first[1] if first[0].startswith("HTTP/") else first[0]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("on", {"valid": "200", "none": "400", "expired": "400", "unknown-ca": "400"}),
        ("optional", {"valid": "200", "none": "200", "expired": "400", "unknown-ca": "400"}),
        ("optional_no_ca", {"valid": "200", "none": "200", "expired": "400", "unknown-ca": "200"}),
    ],
)
def test_every_command_works_as_printed(start: Start, mode: str, expected: dict[str, str]) -> None:
    """Each printed command, pasted into a shell, gets the answer that the mode gives this credential."""
    said = announced(start("serve", "--json", "--verify", mode))

    commands = [
        (state, client, command) for state, ways in said["commands"].items() for client, command in ways.items()
    ]
    with ThreadPoolExecutor() as together:
        statuses = list(together.map(lambda each: status_of(pasted(each[2])), commands))

    clients = ("curl", "openssl", "python")
    assert [(state, client) for state, client, _ in commands] == [
        (state, client) for state in expected for client in clients
    ]
    assert statuses == [expected[state] for state, _, _ in commands]


def test_the_printed_text_holds_the_same_commands(start: Start) -> None:
    """Without --json the lines for pasting stand alone on their lines, below the address."""
    served = start("serve", "--verify", "optional")
    served.wait_for(lambda out: "Ctrl-C" in out, "the end of the introduction")

    lines = served.out.splitlines()
    curl = [line for line in lines if line.startswith("curl ")]

    assert lines[0].startswith("https://localhost:")
    assert [status_of(pasted(line)) for line in curl] == ["200", "200", "400", "400"]


def test_each_request_is_shown_as_it_comes_in(start: Start) -> None:
    """A line for each request says how it was answered and what nginx thought of the certificate."""
    served = start("serve", "--verify", "optional")
    served.wait_for(lambda out: "Ctrl-C" in out, "the end of the introduction")
    for line in [line for line in served.out.splitlines() if line.startswith("curl ")]:
        pasted(line)

    served.wait_for(lambda out: "CN=unknown-ca" in out.partition("Ctrl-C")[2], "the last request to be shown")
    shown = [line.split(maxsplit=1)[1] for line in served.out.partition("Ctrl-C ends it.\n")[2].splitlines()]

    assert shown[0].startswith("200  SUCCESS  CN=valid")
    assert shown[1].startswith("200  NONE")
    assert shown[2].startswith("400  FAILED:certificate has expired  CN=expired")
    assert shown[3].startswith("400  FAILED:")


def test_a_stream_server_answers_the_printed_openssl_command(start: Start) -> None:
    """In front of a byte stream openssl gets its bytes back, and there is no curl command."""
    commands = announced(start("serve", "--json", "--protocol", "stream"))["commands"]["valid"]

    assert list(commands) == ["openssl"]
    assert "ping" in pasted(commands["openssl"])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_and_nothing_stays(start: Start, number: signal.Signals, status: int) -> None:
    """After SIGINT or SIGTERM there is no nginx, no key and no traceback."""
    served = start("serve", "--json")
    said = announced(served)
    keys = [Path(each["key"]) for each in said["credentials"].values()]
    modes = {stat.S_IMODE(key.stat().st_mode) for key in keys}

    began = time.monotonic()
    ended = served.end(number)

    assert status == ended
    assert time.monotonic() - began < 2  # a sixth of a second, but for what else this machine does
    assert {0o600} == modes
    assert served.left() == []
    assert served.err == ""
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", said["port"]), 1).close()


def test_even_after_sigkill_nothing_stays(start: Start) -> None:
    """Keys and nginx go within moments also where the command could not do anything about it."""
    served = start("serve", "--json")
    announced(served)

    served.end(signal.SIGKILL)

    wait_until(
        lambda: not served.left(), Deadline.after(3), awaited="everything to go", last_seen=lambda: str(served.left())
    )


def test_a_folder_of_ones_own_stays(start: Start, tmp_path: Path) -> None:
    """With --folder the files are there afterwards, each for its owner only."""
    folder = tmp_path / "certs"
    served = start("serve", "--json", "--folder", folder)
    said = announced(served)
    served.end(signal.SIGINT)

    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert str(folder) == said["folder"]
    assert {"server-ca.pem", "valid.key.pem", "expired.chain.pem", "unknown-ca.crt.pem"} <= set(files)
    assert {0o600} == set(files.values())
    assert served.left() == []


def test_it_says_so_when_nginx_ends_by_itself(start: Start) -> None:
    """A server that is gone is not waited for: one message, exit status 1."""
    served = start("serve", "--json")
    announced(served)
    (master,) = {
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and _is_master_below(process, served.temporary)
    }

    os.kill(master, signal.SIGKILL)

    assert served.process.wait(10) == 1
    assert "ended by itself (killed by SIGKILL)" in served.err
    assert "Traceback" not in served.err


def _is_master_below(process: Path, folder: Path) -> bool:
    try:
        command = (process / "cmdline").read_bytes()
        return str(folder).encode() in command and os.getpgid(int(process.name)) == int(process.name)
    except OSError:
        return False


def test_a_configuration_of_ones_own(start: Start) -> None:
    """Each listener has its address and commands that work; what was changed is said, a line each."""
    served = start("serve", "--config", DEPLOY)
    served.wait_for(lambda out: "Ctrl-C" in out, "the end of the introduction")
    lines = served.out.splitlines()

    assert any(line.startswith("changed: nginx.conf:2: user: www-data taken out") for line in lines)
    heads = {
        line.partition("listen ")[2].partition(": ")[0]: number
        for number, line in enumerate(lines)
        if "  listen " in line
    }
    assert list(heads) == ["*:443", "[::]:443", "*:8443", "*:9443", "*:80", "[::]:80"]
    valid, none = (lines[heads["*:443"] + below] for below in (2, 4))
    assert [status_of(pasted(each)) for each in (valid, none)] == ["200", "400"]
    resolved = next(line for line in lines if line.startswith("--resolve partners.example.com"))
    assert status_of(pasted(f"{none.rpartition(' ')[0]} {resolved}")) == "403"
    assert status_of(pasted(lines[heads["*:80"] + 2])) == "301"
    assert "ping" in pasted(lines[heads["*:9443"] + 2])
    assert served.end(signal.SIGINT) == 130
    assert served.left() == []


def test_a_configuration_of_ones_own_for_machines(start: Start) -> None:
    """The same, and every command."""
    said = announced(start("serve", "--json", "--config", DEPLOY))

    assert said["url"] == said["listeners"]["*:443"]["url"]
    assert said["listeners"]["*:443"]["names"] == ["api.example.com", "example.net", "partners.example.com"]
    assert said["listeners"]["*:443"]["verify"] == ["on", "optional"]
    assert list(said["listeners"]["*:8443"]["commands"]["expired"]) == ["curl", "openssl", "python"]
    assert not said["listeners"]["*:80"]["tls"]
    assert any(each.startswith("conf.d/api.conf:9: listen: 443 -> a free port") for each in said["changes"])


def test_a_port_in_use_is_one_clear_message(run: Run) -> None:
    """The message names the port; the exit status is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("serve", "--engine", "process", "--port", port)

    assert ran.status == 1
    assert f"127.0.0.1:{port}" in ran.err
    assert "Traceback" not in ran.err


def test_a_folder_that_cannot_be_written_is_one_clear_message(run: Run, tmp_path: Path) -> None:
    """The message names the folder and the option; nothing is served."""
    (tmp_path / "file").touch()

    ran = run("serve", "--engine", "process", "--folder", tmp_path / "file" / "certs")

    assert ran.status == 1
    assert str(tmp_path / "file" / "certs") in ran.err
    assert "--folder" in ran.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--verify", "maybe"], "optional_no_ca"),
        (["--tls", "1.1"], "1.3"),
        (["--depth", "-1"], "depth=-1"),
        (["--port", "70000"], "port=70000"),
        (["--server-name", "a b; }"], "server_names"),
        (["--http2", "--protocol", "stream"], "http2"),
        (["--config", "missing.conf"], "there is no such file"),
        (["--config", str(DEPLOY), "--verify", "on"], "verify does not go with config="),
        (["--config", str(DEPLOY), "--crl"], "crl does not go with config="),
    ],
)
def test_a_value_that_cannot_be_is_a_usage_error(run: Run, arguments: list[str], named: str) -> None:
    """The exit status is 2, and the message says which argument or which values there are."""
    ran = run("serve", "--engine", "process", *arguments)

    assert ran.status == 2
    assert named in ran.err
