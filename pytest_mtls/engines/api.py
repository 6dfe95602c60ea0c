"""Talking to a container engine: finding it, and turning the SDK's many ways to fail into one."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.engines.limits import limit_reached, within_limits
from pytest_mtls.errors import EngineUnavailable, MtlsError

if TYPE_CHECKING:
    from docker import DockerClient

_DEFAULT_SOCKET: Final = "/var/run/docker.sock"
_DETECTION_SECONDS: Final = 2.5
_SSH_DETECTION_SECONDS: Final = 5
_CALL_SECONDS: Final = 60
_ADVICE: Final = "Check that it runs (`docker info`), or use --mtls-engine process."


@contextlib.contextmanager
def speaking(client: DockerClient, what: str, seconds: float = _CALL_SECONDS) -> Iterator[None]:
    """Turn the SDK's many ways to fail into one error that says what was tried.

    An engine that let one call time out gets as long as one is looked for until it answers again: a session of a
    hundred tests that each waited the whole time would not fail, it would hang.

    Args:
        client: the SDK's.
        what: is tried, in the infinitive.
        seconds: the engine may take for each call.

    Raises:
        EngineUnavailable: it is not there any more, does not answer, or said no.
        LimitReached: it was not even asked.
    """
    import requests
    from docker.errors import DockerException

    api = client.api
    if api.timeout != _DETECTION_SECONDS:
        api.timeout = seconds
    try:
        _check_socket_is_there(client, what)
        yield
    except MtlsError:
        raise
    except (DockerException, requests.RequestException, OSError) as error:
        if reached := limit_reached(what, error):
            raise reached from error
        if _timed_out(error):
            waited, api.timeout = api.timeout, _DETECTION_SECONDS
            raise EngineUnavailable(
                f"Tried to {what}, and the container engine did not answer within {waited:g} s. {_ADVICE}"
            ) from error
        said = getattr(error, "explanation", None) or error
        raise EngineUnavailable(f"Tried to {what}, and the container engine said: {said}. {_ADVICE}") from error
    except Exception as error:  # whatever the SDK, or who reads its answer, makes of one that is not as it should be
        raise EngineUnavailable(
            f"Tried to {what}, and the container engine's answer cannot be understood "
            f"({type(error).__name__}: {error}). {_ADVICE}"
        ) from error
    api.timeout = _CALL_SECONDS


def _timed_out(error: Exception) -> bool:
    import requests

    return isinstance(error, requests.Timeout | TimeoutError) or "Read timed out" in str(error)


def _check_socket_is_there(client: DockerClient, what: str) -> None:
    """Look for a local socket before the SDK does: the one that it could not connect (``transport/unixconn.py``) it
    forgets, and Python warns of that as of a leak."""
    path = getattr(client.api.adapters.get("http+docker://"), "socket_path", None)
    if path is None:
        return
    try:
        with within_limits(what), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_DETECTION_SECONDS)
            probe.connect(path)
    except OSError as error:
        raise EngineUnavailable(
            f"Tried to {what}, and no container engine answers at unix://{path} any more: {error}. {_ADVICE}"
        ) from error


def endpoint() -> str:
    """Where the engine is: what the environment says, else the usual socket."""
    return os.environ.get("DOCKER_HOST") or f"unix://{_DEFAULT_SOCKET}"


def is_elsewhere() -> bool:
    """Whether the engine may be on another machine: its containers and what it publishes are not reached from here,
    and this machine's addresses not from there. An address of loopback too may lead to another one."""
    return not endpoint().startswith("unix://")


def engine_expected() -> bool:
    """Whether an engine is worth a look: one is named, or the usual socket is there. Costs nothing."""
    return bool(os.environ.get("DOCKER_HOST")) or os.path.exists(_DEFAULT_SOCKET)


def connect() -> DockerClient:
    """A client of the engine that the environment names, once it has answered.

    Raises:
        EngineUnavailable: none is there, or it did not answer within three seconds.
        LimitReached: it was not even asked.
    """
    if not engine_expected():
        raise EngineUnavailable(f"no container engine: DOCKER_HOST is not set and {_DEFAULT_SOCKET} is not there")
    _check_socket_answers()
    import requests
    from docker.errors import DockerException

    try:
        # Making a client asks the engine for its version already; that it answers is known then.
        client = _new_client()
    except (DockerException, requests.RequestException, OSError) as error:
        raise limit_reached("reach the container engine", error) or EngineUnavailable(
            f"no container engine answers at {endpoint()}: {error}"
        ) from error
    client.api.timeout = _CALL_SECONDS
    return client


def is_podman(version: Mapping[str, Any]) -> bool:
    """Whether an engine is Podman, by what it says of its version."""
    return any("podman" in (part.get("Name") or "").lower() for part in version.get("Components") or ())


def folder_of(client: DockerClient) -> Path | None:
    """Where a client has the socket that ssh leads to its engine's; ``None`` where no ssh does."""
    return getattr(client, "folder", None)


def _new_client() -> DockerClient:
    if is_elsewhere():
        from pytest_mtls.engines.remote import client_for

        by_ssh = endpoint().startswith("ssh://")
        return client_for(endpoint(), _SSH_DETECTION_SECONDS if by_ssh else _DETECTION_SECONDS)
    import docker

    return docker.from_env(timeout=_DETECTION_SECONDS)


def _check_socket_answers() -> None:
    """Ask a local socket for its life sign before anything heavy is imported: the SDK alone takes longer than that."""
    host = endpoint()
    if not host.startswith("unix://"):
        return
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_DETECTION_SECONDS)
            probe.connect(host.removeprefix("unix://"))
            probe.sendall(b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n")
            if not probe.recv(16):
                raise OSError("it closed the connection")
    except OSError as error:
        raise limit_reached("reach the container engine", error) or EngineUnavailable(
            f"no container engine answers at {host}: {error}"
        ) from error
