"""nginx in containers, through the Docker SDK: Docker, or any engine that speaks its API."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import os
import socket
import struct
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.cleanup import Guard, Leftover, Owner
from pytest_mtls.engines.failures import reload_files, start_failure
from pytest_mtls.engines.images import NOBODY, TarEntry, ensure_loaded, ensure_present, image_from_binary, make_tar
from pytest_mtls.engines.journal import Journal
from pytest_mtls.engines.process import bundled_binary, looks_like_a_binary
from pytest_mtls.engines.protocol import BUNDLED, Address, Listener, Upstreams
from pytest_mtls.errors import EngineUnavailable, NginxUnavailable, PortInUse
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import CONFIG, Bundle, Layout, make_bundle
from pytest_mtls.nginx.spec import ServerSpec

if TYPE_CHECKING:
    from docker import DockerClient

OWNER_LABEL: Final = "pytest-mtls.owner"
_SESSION_LABEL: Final = "pytest-mtls.session"
_PREFIX: Final = "/mtls"
_FIRST_PORT: Final = 8443
_DEFAULT_SOCKET: Final = "/var/run/docker.sock"
_DETECTION_SECONDS: Final = 2.5
_CALL_SECONDS: Final = 60
_MEMORY: Final = "256m"
_PROCESSES: Final = 64


@contextlib.contextmanager
def _speaking(what: str) -> Iterator[None]:
    """Turn the SDK's many ways to fail into one error that says what was tried."""
    import requests
    from docker.errors import DockerException

    try:
        yield
    except (DockerException, requests.RequestException, OSError) as error:
        said = getattr(error, "explanation", None) or error
        raise EngineUnavailable(
            f"Tried to {what}, and the container engine said: {said}. "
            "Check that it runs (`docker info`), or use --mtls-engine process."
        ) from error


def engine_expected() -> bool:
    """Whether an engine is worth a look: one is named, or the usual socket is there. Costs nothing."""
    return bool(os.environ.get("DOCKER_HOST")) or os.path.exists(_DEFAULT_SOCKET)


def connect() -> DockerClient:
    """A client of the engine that the environment names, once it has answered.

    Raises:
        EngineUnavailable: none is there, or it did not answer within three seconds.
    """
    if not engine_expected():
        raise EngineUnavailable(f"no container engine: DOCKER_HOST is not set and {_DEFAULT_SOCKET} is not there")
    _check_socket_answers()
    import docker

    with _speaking("reach it"):
        client = docker.from_env(timeout=_DETECTION_SECONDS)
        client.ping()
        client.api.timeout = _CALL_SECONDS
    return client


def _check_socket_answers() -> None:
    """Ask a local socket for its life sign before anything heavy is imported: the SDK alone takes longer than that."""
    host = os.environ.get("DOCKER_HOST") or f"unix://{_DEFAULT_SOCKET}"
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
        raise EngineUnavailable(f"no container engine answers at {host}: {error}") from error


class DockerEngine:
    """Runs nginx in containers."""

    name = "docker"

    def __init__(self, guard: Guard, client: DockerClient | None = None) -> None:
        self._client = client or connect()
        self._guard = guard
        self._session = uuid.uuid4().hex
        self._builds: dict[str, NginxBuild] = {}
        self._images: dict[str, str] = {}
        self._direct_works: bool | None = None
        with _speaking("ask for its version"):
            version = self._client.version()
        self._platform = (version.get("Platform") or {}).get("Name") or next(
            (part["Name"] for part in version.get("Components") or () if part.get("Name")), "Docker"
        )
        product = "Podman" if "podman" in self._platform.lower() else "Docker"
        self.description = f"{product} {version['Version']} (API {version['ApiVersion']})"
        self.upstream_bind, self.upstream_host = self._find_upstream_host()

    def build(self, nginx: str, deadline: Deadline) -> NginxBuild:
        """What that nginx says about itself; asked once."""
        if nginx not in self._builds:
            self._builds[nginx] = self._ask_version(nginx, deadline)
        return self._builds[nginx]

    def image(self, nginx: str) -> str:
        """The image for that nginx, loaded or pulled where it is missing."""
        if nginx not in self._images:
            if looks_like_a_binary(nginx):
                raise NginxUnavailable(
                    f"nginx={nginx!r} is a binary of this machine and not an image; use --mtls-engine process for it."
                )
            with _speaking(f"find the image for nginx={nginx!r}"):
                if nginx == BUNDLED:
                    self._images[nginx] = ensure_loaded(self._client, image_from_binary(bundled_binary()))
                else:
                    self._images[nginx] = ensure_present(self._client, nginx)
        return self._images[nginx]

    def start(
        self, specs: Sequence[ServerSpec], *, nginx: str, upstreams: Upstreams, deadline: Deadline
    ) -> NginxContainer:
        """Start one container for all of ``specs``."""
        build = self.build(nginx, deadline)
        self._guard.watch_containers(self._client.api.base_url, f"{_SESSION_LABEL}={self._session}")
        running = NginxContainer(self, build, self.image(nginx), specs, upstreams)
        try:
            running.launch(deadline)
        except BaseException:
            running.stop(Deadline.after(_CALL_SECONDS))
            raise
        return running

    def environment(self) -> Mapping[str, str]:
        """What a report should say about it."""
        return {"engine": self.name, "container engine": self.description}

    def close(self) -> None:
        """Close the connections to the engine."""
        self._client.close()

    @property
    def client(self) -> DockerClient:
        """The SDK's client."""
        return self._client

    @property
    def labels(self) -> dict[str, str]:
        """Put on every container: which session it belongs to, and which process answers for it."""
        return {_SESSION_LABEL: self._session, OWNER_LABEL: Owner.this_process().to_text()}

    def direct_address(self, address: str, port: int) -> Address | None:
        """A container's own address, where this machine reaches it; tried once.

        A connection to the published port goes through a proxy of the engine's, and nginx sees that one's port.
        """
        if not address or self._direct_works is False:
            return None
        if self._direct_works is None:
            try:
                socket.create_connection((address, port), 0.3).close()
                self._direct_works = True
            except OSError:
                self._direct_works = False
                return None
        return Address(address, port)

    def _find_upstream_host(self) -> tuple[str, str]:
        """Where a recorder must listen so that containers reach it and other machines do not."""
        for name in ("bridge", "podman"):
            with contextlib.suppress(Exception):
                pool = self._client.api.inspect_network(name)["IPAM"]["Config"][0]
                gateway = pool.get("Gateway") or str(next(ipaddress.ip_network(pool["Subnet"]).hosts()))
                with socket.socket() as probe:
                    probe.bind((gateway, 0))
                return gateway, gateway
        # An engine in a machine of its own (Docker Desktop) forwards this name to our loopback.
        return "127.0.0.1", "host.docker.internal"

    def _ask_version(self, nginx: str, deadline: Deadline) -> NginxBuild:
        image = self.image(nginx)
        with _speaking(f"run `nginx -V` in {nginx}"):
            container = self._client.api.create_container(
                image,
                entrypoint=["nginx"],
                command=["-V"],
                labels=self.labels,
                network_disabled=True,
                user=f"{NOBODY}:{NOBODY}",
            )["Id"]
        try:
            self._client.api.start(container)
            self._client.api.wait(container, timeout=max(deadline.remaining, 0.1))
            said = self._client.api.logs(container).decode(errors="replace")
        except Exception as error:
            raise NginxUnavailable(
                f"nginx={nginx!r} is not an nginx image: running `nginx -V` in it failed ({error})."
            ) from error
        finally:
            with contextlib.suppress(Exception):
                self._client.api.remove_container(container, force=True, v=True)
        return NginxBuild.from_output(said, source=f"image {nginx}")


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
        self._thread.join(_DETECTION_SECONDS)
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

    _generations = itertools.count(int(time.time()))

    def __init__(
        self, engine: DockerEngine, build: NginxBuild, image: str, specs: Sequence[ServerSpec], upstreams: Upstreams
    ) -> None:
        self.build = build
        self._engine = engine
        self._api = engine.client.api
        self._specs = tuple(specs)
        self._upstreams = upstreams
        self._bundle = Bundle("", {})
        self._listeners: tuple[Listener, ...] = ()
        self._source: StreamSource | None = None
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
        with _speaking(f"create a container from {image}"):
            created = self._api.create_container(
                image,
                entrypoint=["nginx"],
                command=[*early_log, "-p", _PREFIX, "-c", f"{_PREFIX}/{CONFIG}", "-g", "daemon off;"],
                ports=self._ports,
                user=f"{NOBODY}:{NOBODY}",
                labels=self._engine.labels,
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
        with _speaking("attach to the container's output"):
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

        with _speaking("start the container"):
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
            with _speaking("inspect the container"):
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

    def write(self, specs: Sequence[ServerSpec], deadline: Deadline) -> Bundle:
        """Replace the files by those for ``specs``."""
        layout = Layout(
            listen=[str(port) for port in self._ports],
            error_log="stderr",
            access_log="/dev/stderr",
            http_recorder=str(self._upstreams.http),
            stream_recorder=str(self._upstreams.stream),
        )
        former = self._bundle
        self.restore(make_bundle(specs, self.build, layout), deadline)
        return former

    def restore(self, bundle: Bundle, deadline: Deadline) -> None:
        """Replace the files by those of ``bundle``.

        Each archive has a modification time of its own: nginx 1.27.4 and later keep a certificate or CRL over a reload
        where inode and modification time are the same (``ngx_openssl_cache.c``), and an engine may unpack into the same
        inode.
        """
        files = reload_files(bundle)
        folders = sorted({name.rpartition("/")[0] for name in files} - {""})
        entries = [TarEntry(_PREFIX[1:], None, 0o700, NOBODY)]
        entries += [TarEntry(f"{_PREFIX[1:]}/{folder}", None, 0o700, NOBODY) for folder in folders]
        entries += [
            TarEntry(f"{_PREFIX[1:]}/{name}", file.content, 0o600 if file.secret else 0o644, NOBODY)
            for name, file in files.items()
        ]
        with _speaking("copy nginx's files into the container"):
            self._api.put_archive(self._id, "/", make_tar(entries, modified=next(self._generations)))
        self._bundle = bundle

    def signal_reload(self, deadline: Deadline) -> None:
        """Send HUP to nginx, which is the container's first process."""
        with _speaking("send HUP to the container"):
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

        with _speaking("inspect the container"):
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
        with _speaking("restart the container"):
            self._api.stop(self._id, timeout=1)
        self._begin(deadline)

    def stop(self, deadline: Deadline) -> None:
        """Remove the container."""
        if self._id is None:
            return
        from docker.errors import NotFound

        with _speaking("remove the container"), contextlib.suppress(NotFound):
            self._api.remove_container(self._id, force=True, v=True)
        self._id = None
        if self._source is not None:
            self.journal.close()


def abandoned_containers(client: DockerClient) -> list[Leftover]:
    """Containers of dead runs: those whose owner is known to be gone, and stopped ones of an owner that cannot be asked
    about (a former boot). A running one of another machine's or container's run is never touched."""
    found = []
    with _speaking("list containers"):
        containers = client.api.containers(all=True, filters={"label": OWNER_LABEL})
    for container in containers:
        with contextlib.suppress(ValueError, KeyError):
            owner = Owner.from_text(container["Labels"][OWNER_LABEL])
            if owner.is_gone or (not owner.is_local and container["State"] != "running"):
                found.append(Leftover("container", container["Id"], owner))
    return found


def remove_abandoned_containers(client: DockerClient) -> list[Leftover]:
    """Remove the containers of dead runs; returns what was removed."""
    found = abandoned_containers(client)
    for leftover in found:
        with contextlib.suppress(EngineUnavailable), _speaking(f"remove container {leftover.name[:12]}"):
            client.api.remove_container(leftover.name, force=True, v=True)
    return found
