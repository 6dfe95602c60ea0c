"""``pytest-mtls sweep``: what dead runs left goes, what live ones have stays."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mtls import Harness
from pytest_mtls.engines.cleanup import make_folder
from tests.commands.conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A temporary folder of one's own, and no container engine: neither is this test's alone otherwise."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


@pytest.fixture
def abandoned(tmp_path: Path) -> Path:
    """A folder of a process that has ended."""
    script = f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
    script += "from pytest_mtls.engines.cleanup import make_folder; print(make_folder())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)
    return Path(done.stdout.strip())


def test_a_dry_run_only_says_what_there_is(run: Run, abandoned: Path) -> None:
    """The folder is named and stays; the exit status says that there is something."""
    ran = run("sweep", "--dry-run", "--json")

    assert ran.status == 1
    assert [each["name"] for each in ran.json["remaining"]] == [str(abandoned)]
    assert ran.json["removed"] == []
    assert abandoned.exists()


def test_what_a_dead_run_left_is_removed_and_listed(run: Run, abandoned: Path) -> None:
    """After it there is nothing for the next sweep."""
    first, second = run("sweep"), run("sweep")

    assert first.status == 0
    assert f"removed folder {abandoned}" in first.out
    assert not abandoned.exists()
    assert "Nothing is left" in second.out


def test_what_a_live_run_has_stays(run: Run) -> None:
    """This process is alive, so its folder and its server are its own."""
    folder = make_folder()
    with Harness.open("process") as harness:
        server = harness.nginx(verify="on")
        ran = run("sweep", "--json")
        stranger = server.request()

    assert ran.json["removed"] == []
    assert folder.exists()
    assert stranger.internal_status == 496


def test_an_engine_that_could_not_be_asked_is_named(run: Run, tmp_path: Path) -> None:
    """Text and JSON say that containers were not looked at, and why."""
    assert f"{tmp_path}/no.sock" in run("sweep").out
    assert f"{tmp_path}/no.sock" in run("sweep", "--json").json["not_asked"]
