"""The site, built once for every test of it, and a browser to look at it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import REMEDY, Page, opened, refuse_or_skip
from tests.documentation.blocks import DOCS, ROOT

_SKIPPED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make docs` does; of several workers of xdist one does it for all."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return _built(tmp_path_factory.mktemp("site"))
    folder = tmp_path_factory.getbasetemp().parent / "site"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder / "html" if (folder / "html" / "index.html").exists() else _built(folder)


def _built(folder: Path) -> Path:
    options = ["-b", "html", "--fail-on-warning", "--keep-going", "--quiet", "--doctree-dir", str(folder / "trees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="session")
def reader(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser."""
    refuse_or_skip(request.config, _SKIPPED)
    with opened() as page:
        yield page


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not looked at, and how to."""
    if config.stash.get(_SKIPPED, False):
        terminalreporter.write_line(f"No browser here: nobody looked at the site. {REMEDY}.", yellow=True)
