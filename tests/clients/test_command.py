"""``pytest-mtls clients``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_mtls.cli import main


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """What is alike is one line, and lines fit a terminal of eighty columns."""
    status = main(
        ["clients", "--client", "curl", "--client", "openssl", "--client", "go", "--situation", "hidden-on",
         "--situation", "stream-none", "--tls", "1.2"]
    )  # fmt: skip

    out = capsys.readouterr().out
    assert status == 0
    assert "hidden-on, TLS 1.2: ssl_verify_client on." in out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "curl, openssl 200 SUCCESS exit 0, status 200" in lines
    assert "go 400 (496) no_certificate, withheld status 400" in lines
    assert "curl closed no_certificate exit 52" in lines
    assert "6 requests in " in out
    assert max(len(line) for line in out.splitlines() if not line.startswith(("hidden-on", "stream-none", "6 "))) <= 80


def test_json_has_every_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """And those that are missing."""
    assert main(["clients", "--json", "--client", "curl", "--situation", "revoked-on"]) == 0

    said = json.loads(capsys.readouterr().out)
    (answer,) = said["answers"]
    assert said["missing"] == []
    assert (answer["client"], answer["situation"], answer["tls"]) == ("curl", "revoked-on", "1.3")
    assert (answer["internal_status"], answer["reason"]) == (495, "certificate_revoked")
    assert answer["shown"] == {"exit_status": 0, "errors": [], "text": "", "status": 400}


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--client", "wget"], "client='wget' is not known; use one of 'curl'"),
        (["--situation", "rain"], "--situation='rain' is not known; use one of 'none-on'"),
    ],
)
def test_unknown_names_list_what_there_is(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2."""
    assert main(["clients", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_client_that_was_named_must_be_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, and the command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["clients", "--client", "java"]) == 1
    assert "To install it: " in capsys.readouterr().err
