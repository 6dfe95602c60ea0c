"""What rows share: folders, a container engine if one answers, and the guard that removes what a killed run leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from benchmarks.measure import Missing
from pytest_mtls.engines.api import connect
from pytest_mtls.engines.cleanup import Guard
from pytest_mtls.engines.images import ensure_loaded, image_from_binary
from pytest_mtls.engines.process import bundled_binary
from pytest_mtls.errors import EngineUnavailable


class Place:
    """Made once for a run; close it."""

    def __init__(self) -> None:
        self.label = f"pytest-mtls.benchmark={uuid.uuid4().hex}"
        """For containers made by hand: the guard knows them by it."""
        self._guard = Guard()
        self._kept = contextlib.ExitStack()

    @property
    def binary(self) -> Path:
        """The nginx that both sides run."""
        return bundled_binary()

    @cached_property
    def image(self) -> str:
        """The same nginx as an image, loaded beforehand for both sides.

        Raises:
            Missing: no container engine answers.
        """
        try:
            client = connect()
        except EngineUnavailable:
            raise Missing("no engine") from None
        try:
            self._guard.watch_containers(client.api.base_url, self.label)
            return ensure_loaded(client, image_from_binary(self.binary))
        finally:
            client.close()

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """A new folder; should this process be killed, an nginx that runs in it is killed and the folder removed."""
        path = Path(tempfile.mkdtemp(prefix="pytest-mtls-bench-"))
        path.chmod(0o755)
        self._guard.watch_folder(path)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            self._guard.forget_folder(path)

    @cached_property
    def environment(self) -> dict[str, str]:
        """For child interpreters: this package is found, and no setting of the user's changes what they do.

        What is installed has its bytecode beside it, and a checkout may not: so all of it is kept in a folder of this
        run's, filled by the first round, which does not count.
        """
        foreign = ("PYTEST_", "COVERAGE_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        bytecode = self._kept.enter_context(self.folder())
        root = Path(__file__).resolve().parent.parent
        return {**kept, "PYTHONPATH": str(root), "PYTHONPYCACHEPREFIX": str(bytecode)}

    def close(self) -> None:
        """Remove what is kept, and let the guard end, which removes whatever is left."""
        self._kept.close()
        self._guard.close()
