"""Each generation, built where it is not in the cache yet."""

from __future__ import annotations

import os

import pytest

from pytest_mtls import NginxUnavailable
from pytest_mtls.generations import GENERATIONS, Root, provide


def built(name: str) -> Root:
    """That generation, or a skip where this machine cannot build it; a failure where everything is required."""
    try:
        return provide(GENERATIONS[name])
    except NginxUnavailable as error:
        if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
            pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and {name} cannot be built: {error}", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(params=GENERATIONS, ids=str)
def generation(request: pytest.FixtureRequest) -> str:
    """The name of a generation that is ready."""
    return built(str(request.param)).name


@pytest.fixture
def bookworm() -> Root:
    """One of them, for what is the same with all."""
    return built("bookworm")
