"""A suite of somebody else's, and what it leaves behind."""

from __future__ import annotations

import json
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_mtls import EngineUnavailable
from pytest_mtls.engines.api import connect
from pytest_mtls.engines.cleanup import FOLDER_PREFIX
from pytest_mtls.engines.docker import OWNER_LABEL
from pytest_mtls.engines.guard import masters_of
from pytest_mtls.marking import announced

SECONDS: Final = 60
"""How long a suite may take; the slowest takes five."""

_OTHERS: Final = ("randomly", "asyncio", "anyio", "hypothesispytest", "xdist")
"""Plugins that are here because this project's suite uses them: left out unless a test is about them."""


class Suite:
    """Files in a folder of their own, to be collected or run with the plugin.

    Attributes:
        folder: where the files are, and what pytest takes for its root.
        temporary: where its nginx processes have their files.
    """

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self.folder = pytester.path
        # Not below `folder`, whose name is part of pytest's own command line: see masters_of().
        self.temporary = Path(tempfile.mkdtemp(prefix="suite-", dir=self.folder.parent))
        monkeypatch.setenv("TMPDIR", str(self.temporary))
        pytester.makeconftest(Path(__file__).with_name("inside.py").read_text())
        self.settings()

    def settings(self, *lines: str, using: Sequence[str] = ()) -> None:
        """Write pytest.ini: these lines, warnings as errors, and no plugin of others but ``using``."""
        without = " ".join(f"-p no:{name}" for name in _OTHERS if name not in using)
        given = ["[pytest]", f"addopts = {without} -p no:cacheprovider", "filterwarnings = error", *lines]
        (self.folder / "pytest.ini").write_text("\n".join(given) + "\n")

    def write(self, source: str, name: str = "test_it.py") -> Path:
        """Add a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def collect(self, source: str, *options: str) -> dict[str, dict[str, Any]]:
        """What the tests of a file that use ``mtls_nginx`` would ask for: name -> the arguments that were given."""
        self.write(source)
        items, _ = self._pytester.inline_genitems(*options)
        return {item.name: next((asked.given() for asked in announced([item])), {}) for item in items}

    def refuse(self, source: str, *options: str) -> str:
        """Collect a file that cannot be collected; returns what pytest printed."""
        self.write(source)
        result = self._pytester.runpytest_inprocess("--mtls-engine", "process", "--collect-only", *options)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        return result.stdout.str()

    def run(self, source: str | None, *options: str, engine: str | None = "process") -> pytest.RunResult:
        """Run pytest in a process of its own, with a deadline."""
        if source is not None:
            self.write(source)
        chosen = ("--mtls-engine", engine) if engine else ()
        return self._pytester.runpytest_subprocess(*chosen, *options, timeout=SECONDS)

    @property
    def processes(self) -> set[int]:
        """The processes that took part so far."""
        return {int(entry.name) for entry in (self.folder / "processes").iterdir()}

    def left_behind(self) -> list[str]:
        """Everything of the suite's that is still there: folders, nginx processes, containers."""
        folders = list(self.temporary.glob(f"{FOLDER_PREFIX}*"))
        masters = masters_of(f"{self.temporary}/")
        return [*map(str, folders), *(f"process {pid}" for pid in masters), *self.containers()]

    def containers(self) -> list[str]:
        """The names of the suite's containers; none where no engine answers."""
        try:
            client = connect()
        except EngineUnavailable:
            return []
        try:
            found = client.api.containers(all=True, filters={"label": OWNER_LABEL})
            return [each["Id"] for each in found if json.loads(each["Labels"][OWNER_LABEL])[0] in self.processes]
        finally:
            client.close()


def lines_with(result: pytest.RunResult, text: str) -> list[str]:
    """The lines of what pytest printed that have ``text`` in them."""
    return [line for line in result.outlines if text in line]
