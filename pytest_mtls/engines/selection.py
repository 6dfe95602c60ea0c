"""Which engine: the one that was asked for, or the best that answers, and why."""

from __future__ import annotations

from typing import Final

from pytest_mtls.engines.cleanup import Guard
from pytest_mtls.engines.process import ProcessEngine
from pytest_mtls.engines.protocol import Engine
from pytest_mtls.errors import EngineUnavailable, InvalidArgument

ENGINES: Final = ("auto", "docker", "process")


def choose_engine(name: str, guard: Guard) -> tuple[Engine, str]:
    """The engine, and one clause that says why it was taken.

    ``auto`` takes a container engine that answers, else plain processes. Where none is installed that is decided
    without importing anything; one that accepts and never answers costs at most three seconds.

    Raises:
        EngineUnavailable: it was asked for by name and is not to be had.
        InvalidArgument: there is no engine of that name.
    """
    if name == "process":
        return ProcessEngine(guard), "asked for"
    if name not in ENGINES:
        raise InvalidArgument.not_one_of("engine", name, ENGINES)
    from pytest_mtls.engines.api import connect

    try:
        client = connect()
    except EngineUnavailable as error:
        if name == "docker":
            raise EngineUnavailable(
                f"--mtls-engine docker: {error}. Start one (Debian: `apt-get install docker.io`), "
                "or use --mtls-engine process, which needs none."
            ) from error
        return ProcessEngine(guard), str(error)
    from pytest_mtls.engines.docker import DockerEngine

    return DockerEngine(guard, client), "asked for" if name == "docker" else "it answers"
