"""One nginx in one container."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.api import speaking
from pytest_mtls.engines.container_log import AttachedLog, ContainerLog, FollowedLog
from pytest_mtls.engines.failures import reload_files, start_failure
from pytest_mtls.engines.images import NOBODY, TarEntry, make_tar
from pytest_mtls.engines.journal import Journal
from pytest_mtls.engines.protocol import BY_RENAME, Listener, Upstreams, Writing
from pytest_mtls.engines.ways import Ways
from pytest_mtls.errors import LimitReached, NginxUnavailable, PortInUse, ServerGone
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import CONFIG, Bundle, Layout, make_bundle
from pytest_mtls.nginx.spec import ServerSpec

if TYPE_CHECKING:
    from docker import DockerClient

_PREFIX: Final = "/mtls"
_FIRST_PORT: Final = 8443
_MEMORY: Final = "256m"
_PROCESSES: Final = 64
_SHORTEST_REMOVAL_SECONDS: Final = 10


class Surroundings(Protocol):
    """What a container needs of its engine."""

    client: DockerClient
    labels: Mapping[str, str]
    networks: dict[str, str]
    ways: Ways


class ImageDeleted(NginxUnavailable):
    """The image was there a moment ago."""


class NginxContainer:
    """One container with one nginx."""

    writes_in_place = False
    """An engine unpacks an archive by replacing files, and there need be no shell in the image."""

    _generations = itertools.count(int(time.time()))

    def __init__(
        self,
        engine: Surroundings,
        build: NginxBuild,
        image: str,
        specs: Sequence[ServerSpec],
        upstreams: Upstreams,
        deadline: Deadline,
    ) -> None:
        self.build = build
        self._engine = engine
        self._api = engine.client.api
        self._specs = tuple(specs)
        self._upstreams = upstreams
        self._bundle = Bundle("", {})
        self._listeners: tuple[Listener, ...] = ()
        self._source: ContainerLog | None = None
        self._following = threading.Lock()
        self._networks: set[str] = set()
        self.journal: Journal
        self._id: str | None = self._create(image, deadline)

    @property
    def bundle(self) -> Bundle:
        """What it was given last."""
        return self._bundle

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """One for each spec."""
        return self._listeners

    @property
    def _ports(self) -> dict[int, int | None]:
        """Those within, each with the one that was asked for here."""
        return {_FIRST_PORT + number: spec.port or None for number, spec in enumerate(self._specs)}

    @property
    def _bindings(self) -> dict[int, tuple[str, int | None]]:
        return self._engine.ways.bindings(self._ports)

    @contextlib.contextmanager
    def _speaking(self, what: str, seconds: float | None = None) -> Iterator[None]:
        """Ask the engine something of this container.

        Raises:
            ServerGone: it knows no such container any more.
        """
        from docker.errors import NotFound

        given = () if seconds is None else (seconds,)
        with speaking(self._engine.client, what, *given):
            try:
                yield
            except NotFound as error:
                raise ServerGone(
                    f"Tried to {what}, and the container is not there any more: somebody removed it. Start another.",
                    log=self.journal.lines if self._source else (),
                    config=self._bundle.config,
                ) from error

    def _create(self, image: str, deadline: Deadline) -> str:
        import docker

        limits = [docker.types.Ulimit(name=name, soft=4096, hard=4096) for name in ("nofile", "nproc")]
        host_config = self._api.create_host_config(
            port_bindings=self._bindings,
            extra_hosts=(
                {"host.docker.internal": "host-gateway"}
                if self._upstreams.http.host == "host.docker.internal"
                else None
            ),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=_MEMORY,
            pids_limit=_PROCESSES,
            ulimits=limits,
        )
        early_log = ["-e", "stderr"] if self.build.at_least(1, 19, 5) else []
        with speaking(self._engine.client, f"create a container from {image}", deadline.seconds):
            try:
                created = self._api.create_container(
                    image,
                    entrypoint=["nginx"],
                    command=[*early_log, "-p", _PREFIX, "-c", f"{_PREFIX}/{CONFIG}", "-g", "daemon off;"],
                    ports=list(self._bindings),
                    user=f"{NOBODY}:{NOBODY}",
                    labels=dict(self._engine.labels),
                    environment={"OPENSSL_CONF": "/dev/null"},
                    host_config=host_config,
                    stop_signal="SIGQUIT",
                )
            except docker.errors.ImageNotFound as error:
                raise ImageDeleted(
                    f"Tried to create a container from {image}, and the image was deleted meanwhile. Load it again."
                ) from error
            return str(created["Id"])

    def launch(self, deadline: Deadline) -> None:
        """Hand over the files, start, and return once nginx has a worker."""
        self.write(self._specs, deadline)
        self._begin(deadline)

    def _begin(self, deadline: Deadline) -> None:
        with self._speaking("attach to the container's output", deadline.seconds):
            attached = self._api.attach_socket(self._id, params={"stdout": 1, "stderr": 1, "stream": 1, "logs": 0})
        former, self._source = self._source, AttachedLog(attached)
        if former is None:
            self.journal = Journal(self._source)
        else:
            self.journal.begin_anew(self._source)
        self._start(deadline)
        started = self.journal.wait_for(lambda: self.journal.workers or self.exit_reason(), deadline)
        if self.exit_reason() or not started:
            raise start_failure(self, deadline)
        self._listeners = self._find_listeners(deadline)

    def _start(self, deadline: Deadline) -> None:
        from docker.errors import APIError

        with self._speaking("start the container", deadline.seconds):
            try:
                self._api.start(self._id)
            except APIError as error:
                said = str(error.explanation or error)
                if "port is already allocated" in said or "address already in use" in said:
                    ports = ", ".join(str(spec.port) for spec in self._specs if spec.port)
                    raise PortInUse(
                        f"Tried to publish 127.0.0.1:{ports}, and the engine said: {said}. "
                        "Choose another port, or none for a free one."
                    ) from error
                if "all ports are allocated" in said:
                    raise LimitReached(
                        f"Tried to publish a free port of 127.0.0.1, and the engine said: {said}. "
                        "Keep fewer servers up at a time."
                    ) from error
                if "executable file not found" in said or "no such file" in said:
                    raise NginxUnavailable(
                        f"The image holds no `nginx` in its PATH: {said}. Name an nginx image."
                    ) from error
                raise

    def _find_listeners(self, deadline: Deadline) -> tuple[Listener, ...]:
        def published() -> dict[str, Any] | None:
            with self._speaking("inspect the container", deadline.seconds):
                network: dict[str, Any] = self._api.inspect_container(self._id)["NetworkSettings"]
            return network if all(network["Ports"].get(f"{port}/tcp") for port in self._bindings) else None

        network = wait_until(published, deadline, awaited="the engine to publish the container's ports")
        return self._engine.ways.listeners(str(self._id), network, self._ports)

    def write(self, specs: Sequence[ServerSpec], deadline: Deadline, writing: Writing = BY_RENAME) -> Bundle:
        """Replace the files by those for ``specs``."""
        layout = Layout(
            listen=[str(port) for port in self._ports],
            error_log="stderr",
            access_log="/dev/stderr",
            http_recorder=str(self._upstreams.http),
            stream_recorder=str(self._upstreams.stream),
        )
        former = self._bundle
        self._join_networks(specs, deadline)
        bundle = make_bundle(specs, self.build, layout)
        for text in (bundle.config, *(file.content.decode(errors="replace") for file in bundle.files.values())):
            self._engine.ways.open_for(text, deadline)
        self.restore(bundle, deadline, writing)
        return former

    def _join_networks(self, specs: Sequence[ServerSpec], deadline: Deadline) -> None:
        """Get onto the networks of the containers that are upstreams, beside its own."""
        upstreams = [block.upstream.rpartition("/")[2] for spec in specs for block in spec.blocks if block.upstream]
        needed = {self._engine.networks[each] for each in upstreams if each in self._engine.networks}
        if needed <= self._networks:
            return
        with self._speaking("inspect the container", deadline.seconds):
            self._networks.update(self._api.inspect_container(self._id)["NetworkSettings"]["Networks"] or ())
        for network in needed - self._networks:
            with self._speaking(f"connect the container to the network {network}", deadline.seconds):
                self._api.connect_container_to_network(self._id, network)
            self._networks.add(network)

    def restore(self, bundle: Bundle, deadline: Deadline, writing: Writing = BY_RENAME) -> None:
        """Replace the files by those of ``bundle``.

        Unless it is said, each archive has a modification time of its own: nginx 1.27.4 and later keep a certificate or
        CRL over a reload where inode and modification time are the same (``ngx_openssl_cache.c``), and an engine may
        unpack into the same inode.
        """
        files = reload_files(bundle)
        folders = sorted({str(folder) for name in files for folder in PurePosixPath(name).parents} - {"."})
        entries = [TarEntry(_PREFIX[1:], None, 0o700, NOBODY)]
        entries += [TarEntry(f"{_PREFIX[1:]}/{folder}", None, 0o700, NOBODY) for folder in folders]
        entries += [
            TarEntry(f"{_PREFIX[1:]}/{name}", file.content, 0o600 if file.secret else 0o644, NOBODY)
            for name, file in files.items()
        ]
        with self._speaking("copy nginx's files into the container", deadline.seconds):
            modified = next(self._generations) if writing.mtime is None else writing.mtime
            self._api.put_archive(self._id, "/", make_tar(entries, modified=modified))
        self._bundle = bundle

    def signal_reload(self, deadline: Deadline) -> None:
        """Send HUP to nginx, which is the container's first process."""
        with self._speaking("send HUP to the container", deadline.seconds):
            self._api.kill(self._id, "HUP")

    def exit_reason(self) -> str | None:
        """How nginx ended, or ``None`` while it runs. The engine is only asked once its output has ended; where nginx
        runs on all the same, its log was cut off, and is taken up again."""
        if self._id is None:
            return "it was stopped"
        with self._following:
            if self._source is None or not self._source.ended:
                return None
            ended = self._ask_exit_reason()
            if ended is None:
                with self._speaking("follow the container's log again"):
                    self._source = FollowedLog(self._api.logs(self._id, stream=True, follow=True))
                self.journal.resume(self._source)
            return ended

    def _ask_exit_reason(self) -> str | None:
        from docker.errors import NotFound

        with speaking(self._engine.client, "inspect the container"):
            try:
                state = self._api.inspect_container(self._id)["State"]
            except NotFound:
                return "its container was removed"
        if state["Running"]:
            return None
        killed = f" at its memory limit of {_MEMORY}" if state.get("OOMKilled") else ""
        return f"exit status {state['ExitCode']}{killed}"

    def restart(self, deadline: Deadline) -> None:
        """Stop the container and start it again; the engine may publish it on other ports."""
        with self._speaking("restart the container", deadline.seconds):
            self._api.stop(self._id, timeout=1)
        self._begin(deadline)

    def stop(self, deadline: Deadline) -> None:
        """Remove the container. Where the engine does not answer, all but the container is let go of."""
        if self._id is None:
            return
        self._engine.ways.forget(self._id)
        if self._source is not None:
            self.journal.close()
        what = "remove the container (the guard tries again, and so does `pytest-mtls sweep`)"
        with speaking(self._engine.client, what, max(deadline.seconds, _SHORTEST_REMOVAL_SECONDS)):
            self._remove()
        self._id = None

    def _remove(self) -> None:
        from docker.errors import APIError, NotFound

        try:
            self._api.remove_container(self._id, force=True, v=True)
        except NotFound:
            pass
        except APIError as error:
            if "already in progress" not in str(error.explanation):  # somebody else is at it
                raise
