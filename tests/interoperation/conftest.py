"""What these tests share."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mtls import Harness
from tests.export.conftest import compose
from tests.plugin.conftest import suite

__all__ = ["compose", "neighbour_image", "suite"]


@pytest.fixture
def neighbour_image(docker_harness: Harness) -> str:
    """An image that is here without a registry: a static nginx and nothing else."""
    docker_harness.nginx(verify="off")
    engine: Any = docker_harness.engine
    label = next(f"{name}={value}" for name, value in engine.labels.items() if name.endswith("session"))
    (container,) = engine.client.containers.list(filters={"label": label})
    return str(container.attrs["Config"]["Image"])
