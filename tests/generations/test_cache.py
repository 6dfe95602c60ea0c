"""What is in the cache is used only if it is what was built."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_mtls import NginxUnavailable
from pytest_mtls.generations import GENERATIONS, Root, build, cache, provide

BOOKWORM = GENERATIONS["bookworm"]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bookworm: Root) -> list[str]:
    """An empty cache, and which packages were unpacked for it: from here, to be fast, by way of the real code."""
    unpacked: list[str] = []

    @contextlib.contextmanager
    def from_here(generation: object, beside: Path, say: Callable[[str], None]) -> Iterator[Path]:
        unpacked.append(str(generation))
        folder = tmp_path / "packages"
        shutil.copytree(bookworm.folder, folder, dirs_exist_ok=True)
        (folder / "lib").mkdir(exist_ok=True)
        yield folder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "unpacked", from_here)
    return unpacked


def test_it_is_built_once(builds: list[str], capsys: pytest.CaptureFixture[str], bookworm: Root) -> None:
    """With a line on stderr before, because it takes a while; afterwards without a word."""
    first = provide(BOOKWORM)
    said = capsys.readouterr().err
    second = provide(BOOKWORM)

    assert first == second
    assert first.digest == bookworm.digest
    assert len(builds) == 1
    assert "building nginx 1.22.1 from bookworm's packages (once) ..." in said
    assert capsys.readouterr().err == ""


def _change_a_byte(root: Root) -> None:
    content = bytearray(root.nginx.read_bytes())
    content[len(content) // 2] ^= 1
    root.nginx.write_bytes(content)


def _cut(root: Root) -> None:
    os.truncate(root.folder / "usr/lib" / root.machine.triplet / "libc.so.6", 4096)


def _remove(root: Root) -> None:
    root.stream_module.unlink()


def _add(root: Root) -> None:
    (root.folder / "usr/lib" / root.machine.triplet / "libadded.so").write_bytes(b"")


def _replace_by_a_link(root: Root) -> None:
    root.nginx.unlink()
    root.nginx.symlink_to("/bin/true")


def _take_the_right_to_run(root: Root) -> None:
    root.nginx.chmod(0o644)


def _break_the_manifest(root: Root) -> None:
    (root.folder.parent / "manifest.json").write_text("{")


def _empty_the_manifest(root: Root) -> None:
    (root.folder.parent / "manifest.json").write_text("[]")


@pytest.mark.parametrize(
    "harm",
    [
        _change_a_byte,
        _cut,
        _remove,
        _add,
        _replace_by_a_link,
        _take_the_right_to_run,
        _break_the_manifest,
        _empty_the_manifest,
    ],
)
def test_a_damaged_entry_is_noticed_and_rebuilt(
    builds: list[str], capsys: pytest.CaptureFixture[str], harm: Callable[[Root], None], bookworm: Root
) -> None:
    """Whatever was done to it."""
    harm(provide(BOOKWORM))
    capsys.readouterr()

    again = provide(BOOKWORM)

    assert len(builds) == 2
    assert again.digest == bookworm.digest
    assert "what was in the cache is damaged" in capsys.readouterr().err


def test_a_build_that_was_killed_leaves_nothing_that_is_taken_for_one(builds: list[str]) -> None:
    """It is made beside its place, and the next build clears it away."""
    entry = cache.entry_folder("bookworm", provide(BOOKWORM).machine)
    os.rename(entry, entry.with_name(f".{entry.name}.killed.tmp"))

    provide(BOOKWORM)

    assert len(builds) == 2
    assert not list(entry.parent.glob(".*.tmp"))


def test_two_at_once_build_it_once(builds: list[str]) -> None:
    """Workers of pytest-xdist all ask at the same moment."""
    found: list[Root] = []
    threads = [threading.Thread(target=lambda: found.append(provide(BOOKWORM))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(builds) == 1
    assert len({root.digest for root in found}) == 1
    assert len(found) == 4


def test_a_cache_that_others_can_write_is_refused(builds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are run from it."""
    cache.cache_folder().chmod(0o777)

    with pytest.raises(NginxUnavailable, match="can be written by others"):
        provide(BOOKWORM)


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that moves it."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")

    with pytest.raises(NginxUnavailable, match="XDG_CACHE_HOME"):
        provide(BOOKWORM)


def test_packages_with_another_nginx_are_refused(
    builds: list[str], monkeypatch: pytest.MonkeyPatch, bookworm: Root
) -> None:
    """A name promises a version."""
    from dataclasses import replace

    with pytest.raises(NginxUnavailable, match=r"another nginx than 1\.23\.0"):
        provide(replace(BOOKWORM, nginx="1.23.0"))


def test_the_command_builds_what_is_named(tmp_path: Path, bookworm: Root) -> None:
    """It prints the image's id, which is known before an engine has seen it; archives are the same each time."""
    archives = [tmp_path / "one", tmp_path / "two"]
    for folder in archives:
        said = subprocess.run(
            [sys.executable, "-m", "pytest_mtls.generations", "bookworm", "--archives", str(folder)],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        assert "bookworm: image sha256:" in said

    one, two = ((folder / "nginx-bookworm.tar").read_bytes() for folder in archives)
    assert one == two


def test_the_command_lists_what_there_is() -> None:
    """For a name that is not known."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest_mtls.generations", "buster"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "bullseye, bookworm, trixie, forky" in done.stderr
