"""How a client is run: nothing secret can be seen, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import CredentialState, Ending, Harness, InvalidArgument
from pytest_mtls.deadline import Deadline, wait_until

SHIM = """#!/bin/sh
# As wrappers of version managers do: the client is a child.
{curl} "$@" &
wait
"""

KILLED = """
import sys
from pytest_mtls import Harness
with Harness.open("process") as harness:
    nginx = harness.nginx(verify="on", upstream=sys.argv[1])
    print(nginx.port, flush=True)
    nginx.request_with("curl", credential=harness.ca.issue_client("alice"))
"""


def _clients_of(port: int) -> Iterator[tuple[Path, bytes, bytes]]:
    """Processes that ask that port: where they are in /proc, their arguments and their environment."""
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
            if f"https://localhost:{port}/".encode() in command:
                yield process, command, (process / "environ").read_bytes()
        except OSError:
            continue


def _folder_in(command: bytes) -> Path:
    return Path(os.fsdecode(command.split(b"\0--cacert\0")[1].split(b"\0")[0])).parent


def test_a_client_that_hangs_is_killed_with_all_it_started(
    processes: Harness, silence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its folder, readable by nobody else while it ran, is gone; no argument ever held a secret."""
    import shutil

    shim = tmp_path / "curl"
    shim.write_text(SHIM.format(curl=shutil.which("curl")))
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    nginx = processes.nginx(verify="on", upstream=silence)
    credential = processes.credentials[CredentialState.VALID]
    outcomes = []

    def ask() -> None:
        outcomes.append(nginx.request_with("curl", credential=credential, key_password="open sesame", timeout=2))

    asking = threading.Thread(target=ask)
    asking.start()
    # The shim and curl itself.
    seen = wait_until(
        lambda: found if len(found := list(_clients_of(nginx.port))) == 2 else None, Deadline.after(5), awaited="curl"
    )
    folder = _folder_in(seen[0][1])
    modes = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
    asking.join(10)

    (outcome,) = outcomes
    assert (outcome.ending, outcome.accepted, outcome.shown.killed) == (Ending.TIMEOUT, True, True)
    assert modes.pop("owner.json", None) is not None
    assert set(modes.values()) == {0o600}
    assert {"trust.pem", "chain.pem", "key.pem", "passphrase", "curlrc"} <= set(modes)
    for _, command, environment in seen:
        assert b"sesame" not in command + environment
        assert b"PRIVATE" not in command + environment
    assert not folder.exists()
    assert list(_clients_of(nginx.port)) == []
    processes.discard(nginx)


def test_nothing_stays_where_python_itself_is_killed(silence: str) -> None:
    """The guard removes the keys, and ends the client that has them."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, silence], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        port = int(process.stdout.readline())
        ((_, command, _),) = wait_until(lambda: list(_clients_of(port)), Deadline.after(10), awaited="curl to be there")
        folder = _folder_in(command)
        assert (folder / "key.pem").exists()
        process.send_signal(signal.SIGKILL)
        process.wait(5)

    wait_until(lambda: not folder.exists(), Deadline.after(10), awaited=f"{folder} to be gone")
    wait_until(lambda: not list(_clients_of(port)), Deadline.after(10), awaited="curl to be gone")


def test_the_environment_adds_nothing(processes: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy, no other trust, no options, no file of settings."""
    (tmp_path / ".curlrc").write_text("url = http://127.0.0.1:1/\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("NODE_OPTIONS", "--no-such-option")
    nginx = processes.nginx(verify="optional")

    assert [nginx.request_with(client).status for client in ("curl", "requests")] == [200, 200]
    processes.discard(nginx)


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"path": "no-slash"}, "begins with a slash"),
        ({"path": "/a b"}, "without spaces"),
        ({"key_password": ""}, "does not fit in one line"),
        ({"key_password": "two\nlines"}, "does not fit in one line"),
        ({"tls": "1.1"}, "tls='1.1' is not known"),
        ({"trust": b"nothing"}, "PEM"),
        ({"credential": "alice"}, "is no Credential"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any], message: str, processes: Harness) -> None:
    """Before any process is started."""
    nginx = processes.nginx()

    with pytest.raises(InvalidArgument, match=message):
        nginx.request_with("curl", **asked)
    processes.discard(nginx)


def test_a_key_of_another_certificate_is_an_outcome(processes: Harness) -> None:
    """The client will not load it, so nginx is never asked; its own words say why."""
    nginx = processes.nginx()

    outcome = nginx.request_with("openssl", credential=processes.credentials[CredentialState.WRONG_KEY])

    assert (outcome.layer, outcome.ending, outcome.reason) == ("client", Ending.NOT_SENT, "key_mismatch")
    assert "openssl would not send it" in outcome.explain()
    assert "key values mismatch" in outcome.shown.text
    processes.discard(nginx)
