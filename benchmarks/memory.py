"""What a session holds in memory: ours, and by hand. A program, for a fresh interpreter.

Counted is the proportional set size of this process and of everything that it started, which shares pages fairly
(``/proc/PID/smaps_rollup``).
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MODES = ("off", "optional", "optional_no_ca", "on")
_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.M)
_SUITE = f"""
import pytest

@pytest.mark.mtls(verify={list(_MODES)})
def test_it(mtls_nginx):
    assert mtls_nginx.request().status
"""
_EMPTY = """
def test_it():
    pass
"""


class _Scale:
    """A plugin that weighs when the last test is over, before anything is taken down."""

    weight = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        yield
        self.weight = _weight()


def _weight() -> int:
    """Bytes of this process and its descendants, also of those that it has let go of into sessions of their own."""
    here = Path("/proc")
    parents = {int(each.name): _parent(each) for each in here.iterdir() if each.name.isdecimal()}
    mine, waiting = set[int](), [int((here / "self").readlink().name)]
    while waiting:
        process = waiting.pop()
        mine.add(process)
        waiting += [child for child, parent in parents.items() if parent == process and child not in mine]
    return sum(_proportional(here / str(process)) for process in mine) * 1024


def _parent(process: Path) -> int:
    with contextlib.suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _proportional(process: Path) -> int:
    with contextlib.suppress(OSError):
        if found := _PSS.search((process / "smaps_rollup").read_text()):
            return int(found[1])
    return 0


def _in_pytest(suite: str, *options: str) -> int:
    scale = _Scale()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(suite)
        given = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--rootdir={folder}", *options, folder]
        with contextlib.redirect_stdout(sys.stderr):
            status = pytest.main(given, plugins=[scale])
    if status != 0:
        raise RuntimeError(f"the session of pytest ended with {status}")
    return scale.weight


def main(side: str, *arguments: str) -> None:
    """Weigh once, and print the bytes."""
    if side == "ours":
        print(_in_pytest(_SUITE, "--mtls-engine=process"))
        return
    from benchmarks.bare.process import nginx

    binary, folder = map(Path, arguments)
    with nginx(binary, folder, modes=_MODES):
        print(_in_pytest(_EMPTY, "-p", "no:mtls"))


if __name__ == "__main__":
    main(*sys.argv[1:])
