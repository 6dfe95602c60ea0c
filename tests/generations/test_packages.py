"""From this machine's apt to the files that nginx needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_mtls import NginxUnavailable
from pytest_mtls.generations import GENERATIONS, Root, mirror, packages, provide
from pytest_mtls.generations.collect import inside

BOOKWORM = GENERATIONS["bookworm"]


def _program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is searched for programs, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(mirror.VARIABLE, raising=False)
    return folder


TARGETS = """\
http://elsewhere.test/tools|Else|Else
http://mirror.test/debian/|Debian|Debian
http://mirror.test/debian-security/|Debian|Debian-Security
"""


def test_the_mirror_is_this_machines(programs: Path) -> None:
    """With the settings that are needed to reach it."""
    _program(programs, "apt-get", f"cat <<END\n{TARGETS}END")
    _program(programs, "apt-config", "echo 'Acquire::http::Proxy \"http://proxy.test:3128\";'; echo 'Acquire \"\";'")
    _program(programs, "cat", "exec /bin/cat")

    found = mirror.find_mirror()

    assert (found.main, found.security) == ("http://mirror.test/debian/", "http://mirror.test/debian-security/")
    assert found.options == ('Acquire::http::Proxy "http://proxy.test:3128";',)
    assert [line.split("] ")[-1] for line in found.sources("trixie")] == [
        "http://mirror.test/debian/ trixie main",
        "http://mirror.test/debian-security/ trixie-security main",
    ] or not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists()


def test_a_mirror_can_be_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is no Debian."""
    _program(programs, "apt-get", "true")
    _program(programs, "apt-config", "true")
    with pytest.raises(NginxUnavailable, match=mirror.VARIABLE):
        mirror.find_mirror()

    monkeypatch.setenv(mirror.VARIABLE, "http://other.test/debian")

    assert mirror.find_mirror() == mirror.Mirror("http://other.test/debian")


def test_a_machine_without_apt_is_told_what_else_there_is(programs: Path) -> None:
    """Instead of a traceback."""
    _program(programs, "mmdebstrap", "true")

    with pytest.raises(NginxUnavailable, match="needs apt"):
        provide(BOOKWORM)


def test_without_mmdebstrap_the_remedy_is_named(programs: Path) -> None:
    """It is installed only where that may be done, and the command is given where not."""
    with pytest.raises(NginxUnavailable, match="apt-get install mmdebstrap"):
        provide(BOOKWORM)


def test_what_mmdebstrap_says_is_shown(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that does not answer, say; and nothing is left in the cache."""
    _program(programs, "mmdebstrap", "echo 'E: Unable to fetch some archives' >&2; exit 25")
    _program(programs, "apt-config", "true")
    monkeypatch.setenv(mirror.VARIABLE, "http://mirror.test/debian")

    with pytest.raises(NginxUnavailable, match="Unable to fetch some archives"):
        provide(BOOKWORM)

    assert not [path for path in (programs.parent / "cache").rglob("*") if path.is_dir() and "bookworm" in path.name]


def test_packages_without_nginx_are_refused(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty tree would make a fine image."""
    _program(programs, "mmdebstrap", 'for last; do case $last in /*root) /bin/mkdir "$last";; esac; done')
    _program(programs, "apt-config", "true")
    _program(programs, "tar", "true")
    monkeypatch.setenv(mirror.VARIABLE, "http://mirror.test/debian")

    with pytest.raises(NginxUnavailable, match="do not bring usr/sbin/nginx"):
        provide(BOOKWORM)


def test_links_stay_inside(tmp_path: Path) -> None:
    """bookworm's loader is a link with an absolute target: this machine's own must not be taken for it."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/real").write_text("inside")
    (tmp_path / "lib/absolute").symlink_to("/lib/real")
    (tmp_path / "lib/upwards").symlink_to("../../../lib/absolute")
    (tmp_path / "lib64").symlink_to("lib")
    (tmp_path / "circle").symlink_to("circle")

    for name in ("lib/absolute", "lib/upwards", "lib64/absolute"):
        assert inside(tmp_path, name) == tmp_path / "lib/real"
    with pytest.raises(NginxUnavailable, match="circle"):
        inside(tmp_path, "circle")


def test_a_generation_has_only_what_it_needs(bookworm: Root) -> None:
    """No link, no shell; readable by whomever nginx becomes."""
    files = [path for path in bookworm.folder.rglob("*") if not path.is_dir()]

    assert {str(path.relative_to(bookworm.folder)) for path in files} == set(bookworm.modes)
    assert not [path for path in files if path.is_symlink() or path.name in ("sh", "bash")]
    assert sum(path.stat().st_size for path in files) < 20_000_000
    assert {os.stat(path).st_mode & 0o777 for path in files} == {0o644, 0o755}


def test_the_index_may_be_old_and_its_signature_may_not_be_missing(
    programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is asked of mmdebstrap."""
    _program(programs, "mmdebstrap", f'echo "$@" > {tmp_path}/asked; exit 1')
    _program(programs, "apt-config", "true")
    monkeypatch.setenv(mirror.VARIABLE, "http://mirror.test/debian")

    with pytest.raises(NginxUnavailable), packages.unpacked(BOOKWORM, tmp_path / "entry", print):
        pass

    asked = (tmp_path / "asked").read_text()
    assert 'Check-Valid-Until "false"' in asked
    assert "trusted" not in asked
    assert "AllowInsecure" not in asked
