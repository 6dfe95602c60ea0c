"""Engines that are reached otherwise than by a socket of this machine: over TCP with TLS, or by ssh."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import subprocess
import weakref
from typing import Any, Final
from urllib.parse import urlsplit

import docker
from docker.utils import kwargs_from_env

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.cleanup import make_folder
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.errors import EngineUnavailable

PLAIN: Final = "PYTEST_MTLS_PLAIN_ENGINE"
"""The variable that allows an engine elsewhere without TLS."""

_SOCKET: Final = "/var/run/docker.sock"
_SSH_SECONDS: Final = 15
_ENDING_SECONDS: Final = 2.5
_SSH_OPTIONS: Final = (
    "BatchMode=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "ExitOnForwardFailure=yes",
    "ServerAliveCountMax=3",
    "ServerAliveInterval=5",
)


def client_for(host: str, seconds: float) -> docker.DockerClient:
    """A client of the engine that ``DOCKER_HOST`` names.

    Args:
        host: the value of that variable.
        seconds: the engine may take for its first answer.

    Raises:
        EngineUnavailable: keys would travel where everybody can read them, or ssh does not get there.
    """
    if not host.startswith("ssh://"):
        _check_encrypted(host)
        return _Client(timeout=seconds, **kwargs_from_env())
    forward = _SshForward(host)
    try:
        return _Client(forward, base_url=f"unix://{forward.path}", timeout=seconds)
    except BaseException:
        forward.close()
        raise


class _Api(docker.APIClient):  # type: ignore[misc]
    def merge_environment_settings(self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """requests lets REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE overrule the CA of ``DOCKER_CERT_PATH``."""
        return super().merge_environment_settings(url, proxies, stream, self.verify if verify is None else verify, cert)


class _Client(docker.DockerClient):  # type: ignore[misc]
    def __init__(self, forward: _SshForward | None = None, **arguments: Any) -> None:
        self.api = _Api(**arguments)
        self._forward = forward
        self.folder = forward.folder if forward is not None else None

    def close(self) -> None:
        """Let go of the connections, and of the way to the engine."""
        super().close()
        if self._forward is not None:
            self._forward.close()


def _check_encrypted(host: str) -> None:
    """Keys go over this connection."""
    name = urlsplit(host if "://" in host else f"tcp://{host}").hostname or "localhost"
    if _is_loopback(name) or os.environ.get(PLAIN) or os.environ.get("DOCKER_TLS_VERIFY"):
        return
    raise EngineUnavailable(
        f"DOCKER_HOST={host} is another machine, and the keys of every server would go there unencrypted or to "
        "whoever answers: DOCKER_TLS_VERIFY is not set. Set it to 1, and DOCKER_CERT_PATH to the folder with ca.pem, "
        f"cert.pem and key.pem; or use ssh://; or set {PLAIN}=1 where the network between is yours alone"
    )


def _is_loopback(name: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost"


class _SshForward:
    """A socket in a folder of this user's that ssh leads to the engine's. It ends with this process: ssh's input is a
    pipe from here, which ``cat`` reads over there.

    Attributes:
        path: of the socket.
        folder: where it is.

    Raises:
        EngineUnavailable: ssh does not get there, or the name is none.
    """

    def __init__(self, host: str) -> None:
        there = _destination(host)
        if shutil.which("ssh") is None:
            raise EngineUnavailable(f"DOCKER_HOST={host}, and there is no `ssh` in PATH; install OpenSSH's client")
        self.folder = folder = make_folder()
        self.path = f"{folder}/engine"
        options = [part for option in _SSH_OPTIONS for part in ("-o", option)]
        self._close = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        with within_limits("start ssh"), (folder / "said").open("wb") as said:
            self._process = subprocess.Popen(
                ["ssh", "-T", *options, "-L", f"{self.path}:{urlsplit(host).path or _SOCKET}", *there, "cat"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: os.path.exists(self.path) or self._process.poll() is not None,
                Deadline.after(_SSH_SECONDS),
                awaited=f"ssh to reach {host}",
            )
            if self._process.poll() is not None:
                reason = (folder / "said").read_text(errors="replace").strip()
                raise EngineUnavailable(f"ssh does not get to {host} without asking anything: {reason or 'no reason'}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it. Doing so twice is no error."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_ENDING_SECONDS)
        self._close()


def _destination(host: str) -> list[str]:
    """The arguments of ssh for ``ssh://[user@]host[:port][/path]``; the user's own configuration says the rest."""
    try:
        parts = urlsplit(host)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise EngineUnavailable(f"DOCKER_HOST={host} is no address: {error}") from error
    if not name or name.startswith("-") or (parts.username or "").startswith("-"):
        raise EngineUnavailable(f"DOCKER_HOST={host} is no address: ssh://user@host[:port][/path/of/the/socket] is one")
    return [*(["-p", str(port)] if port else []), *(["-l", parts.username] if parts.username else []), "--", name]
