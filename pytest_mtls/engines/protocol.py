"""What an engine is, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.journal import Journal
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import Bundle
from pytest_mtls.nginx.spec import ServerSpec

BUNDLED = "bundled"
"""The name of the nginx that comes with this package."""


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address on this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listener:
    """How one spec is reached.

    Attributes:
        public: the address users' clients dial, on loopback.
        direct: the address at which nginx sees the client's own port; the same as ``public`` where nothing stands
            between, ``None`` where every way goes through a proxy.
        inside: the address that other nginx of the same engine dial, where that is not ``public``.
    """

    public: Address
    direct: Address | None
    inside: Address | None = None


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The recorders' addresses, as an nginx of that engine names them."""

    http: Address
    stream: Address


@dataclass(frozen=True, slots=True)
class Writing:
    """How nginx's files are written.

    Attributes:
        in_place: into the files that are there, which keep their inodes; else beside them, and renamed.
        mtime: their modification time, seconds since 1970; ``None`` is now.
    """

    in_place: bool = False
    mtime: int | None = None


BY_RENAME = Writing()


class RunningNginx(Protocol):
    """One nginx that serves some specs.

    Attributes:
        build: which nginx.
        journal: its log.
        writes_in_place: whether its files can be rewritten where they are.
    """

    build: NginxBuild
    journal: Journal
    writes_in_place: bool

    @property
    def listeners(self) -> Sequence[Listener]:
        """One for each spec, in the order in which they were asked for."""

    @property
    def bundle(self) -> Bundle:
        """What it was given last."""

    def write(self, specs: Sequence[ServerSpec], deadline: Deadline, writing: Writing = BY_RENAME) -> Bundle:
        """Replace its files by those for ``specs`` and return the bundle that it had; nginx is not told yet."""

    def restore(self, bundle: Bundle, deadline: Deadline, writing: Writing = BY_RENAME) -> None:
        """Replace its files by those of a former bundle."""

    def signal_reload(self, deadline: Deadline) -> None:
        """Send HUP."""

    def exit_reason(self) -> str | None:
        """How it ended, or ``None`` while it runs."""

    def restart(self, deadline: Deadline) -> None:
        """Stop it and start it again with the same files; its address stays where the engine can keep it."""

    def stop(self, deadline: Deadline) -> None:
        """End it and remove all it had. Doing so twice is no error."""


class Engine(Protocol):
    """Runs nginx.

    Attributes:
        name: ``docker`` or ``process``.
    """

    name: str

    @property
    def upstream_bind(self) -> str:
        """The address of this machine on which recorders listen."""

    @property
    def upstream_host(self) -> str:
        """The same as an nginx of this engine names it."""

    @property
    def description(self) -> str:
        """The same with its version, for a human."""

    def build(self, nginx: str, deadline: Deadline) -> NginxBuild:
        """What that nginx says about itself.

        Raises:
            NginxUnavailable: there is none of that name, or it is not usable.
        """

    def start(
        self, specs: Sequence[ServerSpec], *, nginx: str, upstreams: Upstreams, deadline: Deadline
    ) -> RunningNginx:
        """Start one nginx for all of ``specs``; returns when it accepts connections.

        Raises:
            NginxStartError: nginx refused its configuration, or died.
            NginxUnavailable: there is no such nginx.
            PortInUse: a port that was asked for by number is taken.
            WorkspaceUnavailable: its files cannot be written.
            EngineLacksFeature: this engine cannot do what one of ``specs`` asks.
            DeadlineExceeded: it did neither start nor fail.
        """

    def container_address(self, name: str, port: int) -> Address:
        """Where an nginx of this engine that is started or written from now on finds that container.

        Raises:
            InvalidArgument: there is no such container, it does not run, or it is on no network.
            EngineUnavailable: no container engine answers.
        """

    def close(self) -> None:
        """Let go of what the engine itself holds."""
