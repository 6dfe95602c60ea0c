"""The conftest.py of the suites that these tests run: notes which processes take part, counts the nginx they run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Note this process: what it leaves behind can be told from what others leave."""
    folder = config.rootpath / "processes"
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()


@pytest.fixture
def running_nginx(mtls_engine: object) -> Callable[[], int]:
    """Counts how many nginx this session runs at the moment: masters, or containers."""

    def containers() -> int:
        import docker

        from pytest_mtls.engines.cleanup import Owner
        from pytest_mtls.engines.docker import OWNER_LABEL

        client = docker.from_env(timeout=20)
        try:
            label = f"{OWNER_LABEL}={Owner.this_process().to_text()}"
            return len(client.api.containers(filters={"label": label}))
        finally:
            client.close()

    return containers if getattr(mtls_engine, "name", "") == "docker" else lambda: sum(1 for _ in _masters())


def _masters() -> Iterator[int]:
    for process in Path("/proc").iterdir():
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == str(os.getpid()) and b"nginx" in (process / "cmdline").read_bytes():
                yield int(process.name)
        except (OSError, IndexError):
            continue
