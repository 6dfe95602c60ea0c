"""``pytest-mtls explain``: from a log to the cause, the entry of the catalogue and the command that reproduces it."""

from __future__ import annotations

import io
import os
import pty
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mtls import CredentialState, Harness, NginxServer
from tests.commands.conftest import Ran

Run = Callable[..., Ran]
MISSING_CRL = (
    "2026/11/23 10:00:00 [info] 7#7: *3 client SSL certificate verify error: (3:unable to get certificate CRL) while "
    'reading client request headers, client: 192.0.2.1, server: app, request: "GET / HTTP/1.1", host: "app"'
)
NOISE = "2026/11/23 10:00:00 [info] 7#7: *4 client 192.0.2.1 closed keepalive connection"


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Puts bytes on standard input."""

    def say(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return say


def test_a_line_is_explained(run: Run, say: Callable[[bytes], None]) -> None:
    """Cause, entry, what to do, and the test that reproduces it; also without an argument."""
    for arguments in ((), ("-",)):
        say(MISSING_CRL.encode())
        ran = run("explain", *arguments)

        assert ran.status == 0
        assert "fits: crl-missing-for-intermediate: nginx checks every CA" in ran.out
        assert "reproduce: pytest-mtls scenarios run crl-missing-for-intermediate" in ran.out
        assert "do: " in ran.out


@pytest.mark.parametrize("content", [b"", NOISE.encode(), b"\x00\xff" * 1000, b"nothing of the kind\n" * 3])
def test_nothing_recognised_is_status_1(run: Run, say: Callable[[bytes], None], content: bytes) -> None:
    """And says what would help."""
    say(content)
    ran = run("explain", "-")

    assert ran.status == 1
    assert "Nothing was recognised" in ran.out
    assert "error_log ... info" in ran.out


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_the_log_of_a_real_nginx_is_explained(
    run: Run, harness: Harness, serve: Callable[..., NginxServer], tmp_path: Path
) -> None:
    """Equal findings are counted, the most frequent first, each with the line where it was first seen."""
    server = serve()
    states = (CredentialState.EXPIRED, *[CredentialState.CHAIN_TOO_DEEP] * 3)
    for state in states:
        server.request(credential=harness.credentials[state])
    log = tmp_path / "error.log"
    log.write_text("\n".join(server.log))

    ran = run("explain", log)
    findings = run("explain", "--json", log).json["findings"]

    assert ran.out.startswith(f"3 times, first {log}:")
    assert f"once {log}:" in ran.out
    assert [(each["count"], each["reason"], each["causes"][0]["entry"]) for each in findings] == [
        (3, "unable_to_get_local_issuer_certificate", "verify-depth-default-1"),
        (1, "certificate_expired", "nginx-never-fails-the-handshake"),
    ]
    line = log.read_text().splitlines()[findings[0]["line"] - 1]
    assert line.startswith(findings[0]["text"].removesuffix("..."))


def test_terminal_escapes_do_not_reach_the_terminal(run: Run, say: Callable[[bytes], None]) -> None:
    """Whoever writes into a log chooses its bytes: control characters and reversed text are shown as escapes."""
    say(MISSING_CRL.replace("host:", "\x1b]0;owned\x07\x1b[2J\u202ehost:").encode() + b"\xff\x9b2J\r")
    ran = run("explain", "-")

    assert not any(each in ran.out for each in "\x1b\x07\u202e\x9b\r")
    assert r"\x1b]0;owned\x07" in ran.out


def test_a_file_that_cannot_be_read_is_one_clear_message(run: Run, tmp_path: Path) -> None:
    """The exit status is 2, as for all that cannot be understood."""
    for path in (tmp_path / "missing.log", tmp_path):
        ran = run("explain", path)

        assert ran.status == 2
        assert str(path) in ran.err
        assert "Traceback" not in ran.err


def test_several_files_are_read_as_one(run: Run, tmp_path: Path) -> None:
    """As after a rotation."""
    for name in ("error.log.1", "error.log"):
        (tmp_path / name).write_text(f"{NOISE}\n{MISSING_CRL}\n")

    (finding,) = run("explain", "--json", tmp_path / "error.log.1", tmp_path / "error.log").json["findings"]

    assert (finding["count"], finding["file"], finding["line"]) == (2, str(tmp_path / "error.log.1"), 2)


@pytest.mark.long
def test_a_large_log_streams(tmp_path: Path) -> None:
    """100 MB, and one line of 8 MB in it, in a process that may not have so much memory."""
    log = tmp_path / "error.log"
    block = f"{NOISE}\n" * 10_000
    with log.open("w") as file:
        file.write("x" * 8_000_000 + "\n")
        while file.tell() < 100_000_000:
            file.write(block)
        file.write(MISSING_CRL + "\n")

    done = subprocess.run(
        [sys.executable, "-m", "pytest_mtls", "explain", "--json", str(log)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (120_000_000, 120_000_000)),
    )

    assert done.returncode == 0, done.stderr
    assert '"crl-missing-for-intermediate"' in done.stdout


def test_on_a_terminal_it_shows_how_far_it_is(tmp_path: Path) -> None:
    """A percentage on standard error while it reads, and nothing of it in the end."""
    log = tmp_path / "error.log"
    log.write_text(f"{NOISE}\n" * 300_000)
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_mtls", "explain", str(log)], stdout=subprocess.PIPE, stderr=terminal
    )
    os.close(terminal)
    process.communicate(timeout=60)
    shown = os.read(controller, 1 << 16)
    os.close(controller)

    assert b" %" in shown
    assert shown.endswith(b"\r     \r")
