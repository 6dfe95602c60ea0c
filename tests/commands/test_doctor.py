"""``pytest-mtls doctor``: it finds out by doing, and says what to do."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls.commands import doctor
from pytest_mtls.engines import clock
from pytest_mtls.engines.api import engine_expected
from tests.commands.conftest import Ran

Run = Callable[..., Ran]


def checks(ran: Ran) -> dict[str, dict[str, Any]]:
    """The checks by name."""
    return {each["name"]: each for each in ran.json["checks"]}


@pytest.fixture
def _no_container_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


@pytest.mark.usefixtures("_no_container_engine")
def test_the_process_engine_alone_is_enough(run: Run) -> None:
    """Without a container engine the machine is ready, and the line about it says what to do."""
    ran = run("doctor", "--json")

    assert ran.status == 0
    assert ran.json["ok"]
    assert checks(ran)["process engine"]["ok"]
    assert "started and asked in" in checks(ran)["process engine"]["found"]
    assert not checks(ran)["container engine"]["ok"]
    assert "DOCKER_HOST" in checks(ran)["container engine"]["remedy"]


@pytest.mark.skipif(not engine_expected(), reason="no container engine here; `apt-get install docker.io` gets one")
def test_a_container_engine_is_really_asked(run: Run) -> None:
    """Where one answers, its line says which it is and that an nginx in it was asked."""
    container = checks(run("doctor", "--json"))["container engine"]

    assert container["ok"], container
    assert "started and asked in" in container["found"]


@pytest.mark.usefixtures("_no_container_engine")
def test_each_line_says_ok_or_missing_with_the_remedy(run: Run) -> None:
    """For a human: a mark, what was looked at, and an arrow to the remedy."""
    lines = run("doctor").out.splitlines()

    assert any(line.startswith("ok       bundled nginx: 1.") for line in lines)
    missing = next(number for number, line in enumerate(lines) if line.startswith("missing  container engine"))
    assert lines[missing + 1].strip().startswith("→")


@pytest.mark.usefixtures("_no_container_engine")
def test_libfaketime_is_named_with_what_it_is_for(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it is, or else how to get it; without it the machine is ready all the same."""
    library = tmp_path / "libfaketime.so.1"
    monkeypatch.setattr(clock, "_LIBRARIES", (str(library),))
    without = run("doctor", "--json")
    library.touch()
    there = checks(run("doctor", "--json"))["libfaketime"]

    missing = checks(without)["libfaketime"]
    assert without.status == 0
    assert (there["ok"], missing["ok"]) == (True, False)
    assert str(library) in there["found"]
    assert "clock=" in there["found"]
    assert "clock=" in missing["found"]
    assert missing["remedy"].rstrip("'").endswith(" libfaketime")


@pytest.mark.usefixtures("_no_container_engine")
def test_a_machine_where_nothing_works_is_told_so(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a temporary folder neither engine works: exit status 1, and TMPDIR is named."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    ran = run("doctor", "--json")

    assert ran.status == 1
    assert not ran.json["ok"]
    assert "TMPDIR" in checks(ran)["temporary folder"]["remedy"]
    assert not checks(ran)["process engine"]["ok"]


@pytest.mark.parametrize("system", ["debian", "ubuntu", "alpine", "fedora", "arch", "opensuse-leap"])
@pytest.mark.usefixtures("_no_container_engine")
def test_what_is_missing_comes_with_the_very_command(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str
) -> None:
    """On each kind of system, with its own package manager: a shell takes it as it is."""
    kin = {"ubuntu": "debian", "opensuse-leap": "suse opensuse"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": system, "ID_LIKE": kin.get(system, "")})
    monkeypatch.setattr(clock, "_LIBRARIES", ())
    monkeypatch.setattr(doctor, "_engine", lambda name: doctor.Check(name, False, "", doctor._container_remedy()))
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("PATH", str(tmp_path))

    remedies = {name: check["remedy"] for name, check in checks(run("doctor", "--json")).items() if check["remedy"]}

    manager = {"alpine": "apk add", "fedora": "dnf install", "arch": "pacman -S", "opensuse-leap": "zypper install"}
    assert {"docker", "libfaketime", "Debian's packages"} <= set(remedies)
    assert manager.get(system, "apt-get install") in remedies["docker"]
    assert "docker" in remedies["docker"]
    for remedy in remedies.values():
        subprocess.run(["/bin/sh", "-n", "-c", remedy], check=True, timeout=5)


@pytest.mark.usefixtures("_no_container_engine")
def test_a_package_that_is_too_old_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the version that is here, those that would do, and the command that gets one."""
    needed = ["pytest>=8", "h11>=99", "no-such-thing-at-all>=1; extra == 'app'", "nothing-of-this-name>=2"]
    monkeypatch.setattr(metadata, "requires", lambda name: needed)

    packages = checks(run("doctor", "--json"))["packages"]

    assert not packages["ok"]
    assert re.fullmatch(r"h11 [\d.]+ is not >=99; without nothing-of-this-name", packages["found"])
    assert packages["remedy"] == f"{sys.executable} -m pip install 'h11>=99' 'nothing-of-this-name>=2'"
