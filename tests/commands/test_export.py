"""``pytest-mtls export``: a folder from the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_mtls.pki.pem import load_certificates
from tests.commands.conftest import Ran

Run = Callable[..., Ran]


def test_the_options_are_in_the_folder(run: Run, tmp_path: Path) -> None:
    """It says what it wrote, and the configuration is the one that was asked for."""
    folder = tmp_path / "reproducer"
    ran = run("export", "--verify", "optional", "--depth", "3", "--crl", "--port", "9443", folder)

    config = (folder / "nginx.conf").read_text()
    assert ran.status == 0
    assert "ssl_verify_client optional;" in config
    assert "ssl_verify_depth 3;" in config
    assert "listen 127.0.0.1:9443 ssl;" in (folder / "listen.conf").read_text()
    assert ran.out.startswith(f"{folder}: ")
    assert "README.md" in ran.out


def test_for_machines_it_lists_every_file(run: Run, tmp_path: Path) -> None:
    """JSON names the folder, the port and all there is."""
    folder = tmp_path / "reproducer"
    said = run("export", "--json", folder).json

    assert said["folder"] == str(folder)
    assert said["port"] == 8443
    assert set(said["files"]) == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_with_something_in_it_is_left_alone(run: Run, tmp_path: Path) -> None:
    """The exit status is 2, before any nginx is started; --force says otherwise."""
    (tmp_path / "mine.txt").write_text("mine")

    refused, forced = run("export", tmp_path), run("export", "--force", tmp_path)

    assert (refused.status, forced.status) == (2, 0)
    assert "not empty" in refused.err
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("days", [None, 90])
def test_it_shows_the_same_for_a_month_or_as_long_as_was_asked(run: Run, tmp_path: Path, days: int | None) -> None:
    """Whatever is good now ends together: certificates, also the stranger's, and every CRL."""
    folder = tmp_path / "reproducer"
    asked = () if days is None else ("--days", str(days))
    before = datetime.now(timezone.utc)

    assert run("export", "--verify", "optional_no_ca", "--crl", *asked, folder).status == 0

    told = re.search(r"shows what it should until (.*) UTC", (folder / "README.md").read_text())
    assert told is not None
    until = datetime.fromisoformat(told[1]).replace(tzinfo=timezone.utc)
    assert timedelta(0) <= until - before - timedelta(days=days or 30) + timedelta(seconds=1) < timedelta(minutes=1)
    stranger = load_certificates(folder / "clients" / "unknown-ca.crt.pem")[0]
    assert stranger.not_valid_after_utc >= until
    assert load_certificates(folder / "clients" / "expired.crt.pem")[0].not_valid_after_utc < before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "70000"],
        ["--nginx", "/no/such/nginx"],
        ["--days", "0"],
        ["--days", "-1"],
        ["--days", "1e3"],
        ["--days", "36501"],
    ],
)
def test_what_cannot_be_is_one_clear_message(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    """Nothing is written, and there is no traceback."""
    ran = run("export", *arguments, tmp_path / "reproducer")

    assert ran.status in (1, 2)
    assert arguments[1] in ran.err
    assert not (tmp_path / "reproducer").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_message(run: Run, tmp_path: Path) -> None:
    """A file is where a folder would have to be."""
    (tmp_path / "file").write_text("")
    ran = run("export", tmp_path / "file" / "reproducer")

    assert ran.status == 1
    assert "Not a directory" in ran.err
