"""One nginx in one container."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.api import speaking
from pytest_mtls.engines.failures import reload_files, start_failure
from pytest_mtls.engines.images import NOBODY, TarEntry, make_tar
from pytest_mtls.engines.journal import Journal
from pytest_mtls.engines.protocol import BY_RENAME, Address, Listener, Upstreams, Writing
from pytest_mtls.errors import NginxUnavailable, PortInUse
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import CONFIG, Bundle, Layout, make_bundle
from pytest_mtls.nginx.spec import ServerSpec

if TYPE_CHECKING:
    from docker import DockerClient

_PREFIX: Final = "/mtls"
_FIRST_PORT: Final = 8443
_MEMORY: Final = "256m"
_PROCESSES: Final = 64
_DRAIN_SECONDS: Final = 2.5


class Surroundings(Protocol):
    """What a container needs of its engine."""

    client: DockerClient
    labels: Mapping[str, str]
    networks: dict[str, str]

    def direct_address(self, address: str, port: int) -> Address | None:
        """A container's own address, where this machine reaches it."""


class StreamSource:
    """A container's output, drained by a thread: an engine stops reading from nginx when nobody reads from it."""

    def __init__(self, attached: Any) -> None:
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._attached = attached
        self._socket.settimeout(None)
        self._arrived = threading.Condition()
        self._data: list[bytes] = []
        self.ended = False
        self._thread = threading.Thread(target=self._pump, name="pytest-mtls log", daemon=True)
        self._thread.start()

    def read(self, timeout: float) -> bytes:
        """What has arrived, waiting for at most ``timeout`` seconds."""
        with self._arrived:
            if timeout > 0:
                self._arrived.wait_for(lambda: self._data or self.ended, timeout)
            data, self._data = b"".join(self._data), []
            return data

    def close(self) -> None:
        """End the thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(_DRAIN_SECONDS)
        # The response that the SDK keeps with its reader holds the socket too: it is the one to close first.
        getattr(self._attached, "_response", self._attached).close()
        self._socket.close()

    def _pump(self) -> None:
        # Docker Engine API, "Attach to a container", stream format: 1 byte stream, 3 bytes nothing, 4 bytes length,
        # then data.
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while received := self._socket.recv(1 << 16):
                rest += received
                frames = []
                while len(rest) >= 8 and len(rest) >= 8 + (length := struct.unpack(">I", rest[4:8])[0]):
                    frames.append(rest[8 : 8 + length])
                    rest = rest[8 + length :]
                self._deliver(frames)
        with self._arrived:
            self.ended = True
            self._arrived.notify_all()

    def _deliver(self, frames: list[bytes]) -> None:
        with self._arrived:
            self._data.extend(frames)
            self._arrived.notify_all()


class NginxContainer:
    """One container with one nginx."""

    writes_in_place = False
    """An engine unpacks an archive by replacing files, and there need be no shell in the image."""

    _generations = itertools.count(int(time.time()))

    def __init__(
        self, engine: Surroundings, build: NginxBuild, image: str, specs: Sequence[ServerSpec], upstreams: Upstreams
    ) -> None:
        self.build = build
        self._engine = engine
        self._api = engine.client.api
        self._specs = tuple(specs)
        self._upstreams = upstreams
        self._bundle = Bundle("", {})
        self._listeners: tuple[Listener, ...] = ()
        self._source: StreamSource | None = None
        self._networks: set[str] = set()
        self.journal: Journal
        self._id: str | None = self._create(image)

    @property
    def bundle(self) -> Bundle:
        """What it was given last."""
        return self._bundle

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """One for each spec."""
        return self._listeners

    @property
    def _ports(self) -> list[int]:
        return [_FIRST_PORT + number for number in range(len(self._specs))]

    def _create(self, image: str) -> str:
        import docker

        limits = [docker.types.Ulimit(name=name, soft=4096, hard=4096) for name in ("nofile", "nproc")]
        host_config = self._api.create_host_config(
            port_bindings={
                port: ("127.0.0.1", spec.port or None) for port, spec in zip(self._ports, self._specs, strict=True)
            },
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
        with speaking(f"create a container from {image}"):
            created = self._api.create_container(
                image,
                entrypoint=["nginx"],
                command=[*early_log, "-p", _PREFIX, "-c", f"{_PREFIX}/{CONFIG}", "-g", "daemon off;"],
                ports=self._ports,
                user=f"{NOBODY}:{NOBODY}",
                labels=dict(self._engine.labels),
                environment={"OPENSSL_CONF": "/dev/null"},
                host_config=host_config,
                stop_signal="SIGQUIT",
            )
        return str(created["Id"])

    def launch(self, deadline: Deadline) -> None:
        """Hand over the files, start, and return once nginx has a worker."""
        self.write(self._specs, deadline)
        self._begin(deadline)

    def _begin(self, deadline: Deadline) -> None:
        with speaking("attach to the container's output"):
            attached = self._api.attach_socket(self._id, params={"stdout": 1, "stderr": 1, "stream": 1, "logs": 0})
        former, self._source = self._source, StreamSource(attached)
        if former is None:
            self.journal = Journal(self._source)
        else:
            self.journal.begin_anew(self._source)
        self._start()
        started = self.journal.wait_for(lambda: self.journal.workers or self.exit_reason(), deadline)
        if self.exit_reason() or not started:
            raise start_failure(self, deadline)
        self._listeners = self._find_listeners(deadline)

    def _start(self) -> None:
        from docker.errors import APIError

        with speaking("start the container"):
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
                if "executable file not found" in said or "no such file" in said:
                    raise NginxUnavailable(
                        f"The image holds no `nginx` in its PATH: {said}. Name an nginx image."
                    ) from error
                raise

    def _find_listeners(self, deadline: Deadline) -> tuple[Listener, ...]:
        def published() -> dict[str, Any] | None:
            with speaking("inspect the container"):
                network: dict[str, Any] = self._api.inspect_container(self._id)["NetworkSettings"]
            return network if all(network["Ports"].get(f"{port}/tcp") for port in self._ports) else None

        network = wait_until(published, deadline, awaited="the engine to publish the container's ports")
        address = network.get("IPAddress") or next(
            (each["IPAddress"] for each in (network.get("Networks") or {}).values() if each.get("IPAddress")), ""
        )
        return tuple(
            Listener(
                Address("127.0.0.1", int(network["Ports"][f"{port}/tcp"][0]["HostPort"])),
                self._engine.direct_address(address, port),
            )
            for port in self._ports
        )

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
        self._join_networks(specs)
        self.restore(make_bundle(specs, self.build, layout), deadline, writing)
        return former

    def _join_networks(self, specs: Sequence[ServerSpec]) -> None:
        """Get onto the networks of the containers that are upstreams, beside its own."""
        upstreams = [block.upstream.rpartition("/")[2] for spec in specs for block in spec.blocks if block.upstream]
        needed = {self._engine.networks[each] for each in upstreams if each in self._engine.networks}
        if needed <= self._networks:
            return
        with speaking("inspect the container"):
            self._networks.update(self._api.inspect_container(self._id)["NetworkSettings"]["Networks"] or ())
        for network in needed - self._networks:
            with speaking(f"connect the container to the network {network}"):
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
        with speaking("copy nginx's files into the container"):
            modified = next(self._generations) if writing.mtime is None else writing.mtime
            self._api.put_archive(self._id, "/", make_tar(entries, modified=modified))
        self._bundle = bundle

    def signal_reload(self, deadline: Deadline) -> None:
        """Send HUP to nginx, which is the container's first process."""
        with speaking("send HUP to the container"):
            self._api.kill(self._id, "HUP")

    def exit_reason(self) -> str | None:
        """How nginx ended, or ``None`` while it runs. The engine is only asked once its output has ended."""
        if self._id is None:
            return "it was stopped"
        if self._source is None or not self._source.ended:
            return None
        return self._ask_exit_reason()

    def _ask_exit_reason(self) -> str | None:
        from docker.errors import NotFound

        with speaking("inspect the container"):
            try:
                state = self._api.inspect_container(self._id)["State"]
            except NotFound:
                return "its container was removed"
        if state["Running"]:
            return None
        killed = " at its memory limit" if state.get("OOMKilled") else ""
        return f"exit status {state['ExitCode']}{killed}"

    def restart(self, deadline: Deadline) -> None:
        """Stop the container and start it again; the engine may publish it on other ports."""
        with speaking("restart the container"):
            self._api.stop(self._id, timeout=1)
        self._begin(deadline)

    def stop(self, deadline: Deadline) -> None:
        """Remove the container."""
        if self._id is None:
            return
        from docker.errors import NotFound

        with speaking("remove the container"), contextlib.suppress(NotFound):
            self._api.remove_container(self._id, force=True, v=True)
        self._id = None
        if self._source is not None:
            self.journal.close()
