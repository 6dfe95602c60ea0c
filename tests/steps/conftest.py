"""The nginx that the steps are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conftest import open_harness
from pytest_mtls import Harness, NginxServer, StartRefusal
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.generations import GENERATIONS
from tests.generations.conftest import built

_FIVE = [("process", name) for name in (*GENERATIONS, BUNDLED)]
_IN_CONTAINERS = [("docker", BUNDLED)]


@dataclass(frozen=True)
class OneOfFive:
    """One nginx on one engine; called, it starts a private server."""

    harness: Harness
    name: str

    def __call__(self, **arguments: Any) -> NginxServer:
        """A server with these arguments."""
        return self.harness.nginx(nginx=self.name, **arguments)

    def refusal(self, **arguments: Any) -> StartRefusal | None:
        """Why there is none."""
        return self.harness.refusal(nginx=self.name, **arguments)


def _opened(request: pytest.FixtureRequest) -> Iterator[OneOfFive]:
    engine, name = request.param
    if name in GENERATIONS:
        built(name)
    with open_harness(engine, request.config) as harness:
        yield OneOfFive(harness, name)


@pytest.fixture(params=[*_FIVE, *_IN_CONTAINERS], ids="-".join)
def each(request: pytest.FixtureRequest) -> Iterator[OneOfFive]:
    """All five as processes, and one in containers too."""
    yield from _opened(request)


@pytest.fixture(params=_FIVE, ids="-".join)
def each_process(request: pytest.FixtureRequest) -> Iterator[OneOfFive]:
    """All five as processes, for what is the engine's or has nothing to do with engines."""
    yield from _opened(request)
