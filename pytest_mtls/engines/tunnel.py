"""The way to and from containers of an engine on another machine: through the engine's own API. So no port is opened on
either machine, and whatever protects the API (TLS, ssh) protects this."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines import relay
from pytest_mtls.engines.api import speaking
from pytest_mtls.engines.images import NOBODY, ImageArchive, TarEntry, ensure_loaded, make_image
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.engines.ways import LOOPBACK, address_in
from pytest_mtls.errors import EngineUnavailable

if TYPE_CHECKING:
    from docker import DockerClient

_PROGRAM: Final = "/relay.py"
_FRAME: Final = struct.Struct(">BxxxI")
_ERRORS: Final = 2
_FILES_SECONDS: Final = 20
_JOIN_SECONDS: Final = 2.5
_KEPT: Final = 2000
# Below the ports that are listened on for somebody, which are those that this machine chose.
_OUTGOING_PORTS: Final = "2000 9999"


def relay_image() -> tuple[ImageArchive, tuple[str, ...]]:
    """An image with the Python that runs this, as far as the relay loads it, and the command that starts it.

    Raises:
        EngineUnavailable: this Python does not say what it consists of.
    """
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    source = Path(relay.__file__)
    options = ("-I", "-S", "-B")
    try:
        with within_limits("find the files of this Python"):
            said = subprocess.run(
                [python, *options, str(source), "--files"],
                capture_output=True,
                text=True,
                timeout=_FILES_SECONDS,
                check=True,
            ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineUnavailable(
            f"Tried to find what {python} consists of, to run it beside nginx on the engine's machine; saw: {error}. "
            "Use an engine of this machine, or --mtls-engine process."
        ) from error
    paths = sorted({python, *said.splitlines()})
    files = [TarEntry(path.lstrip("/"), Path(path).read_bytes(), 0o755) for path in paths]
    libraries = [path for path in paths if ".so" in Path(path).name]
    loader = [path for path in libraries if Path(path).name.startswith("ld-")]
    folders = ":".join(dict.fromkeys(str(Path(path).parent) for path in libraries))
    start = [*loader[:1], "--library-path", folders] if loader else []
    image = make_image(
        [*files, TarEntry(_PROGRAM.lstrip("/"), source.read_bytes(), 0o644)],
        title="the way to and from an nginx elsewhere, for pytest-mtls",
        repository="pytest-mtls/relay",
    )
    return image, (*start, python, *options, _PROGRAM)


class AttachedStreams:
    """The input and output of a container that is attached to.

    Attributes:
        said: the end of what it wrote to its standard error.
    """

    def __init__(self, attached: Any) -> None:
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._socket.setblocking(False)
        # Two numbers for one socket: it is watched for reading and for writing separately.
        self._second = socket.socket(fileno=socket.dup(self._socket.fileno()))
        self.reading, self.writing = self._socket.fileno(), self._second.fileno()
        self._rest = b""
        self.said = ""

    def receive(self) -> bytes:
        """What has come."""
        try:
            data = self._socket.recv(1 << 16)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        if not data:
            raise EOFError
        # Docker Engine API, "Attach to a container", stream format.
        self._rest += data
        output = b""
        while len(self._rest) >= _FRAME.size:
            kind, length = _FRAME.unpack_from(self._rest)
            if len(self._rest) < _FRAME.size + length:
                break
            content, self._rest = self._rest[_FRAME.size : _FRAME.size + length], self._rest[_FRAME.size + length :]
            if kind == _ERRORS:
                self.said = (self.said + content.decode(errors="replace"))[-_KEPT:]
            else:
                output += content
        return output

    def send(self, data: memoryview) -> int:
        """How much of it was taken."""
        try:
            return self._socket.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def close(self) -> None:
        """The container's input ends, and so does the relay."""
        self._second.close()
        # The response that the SDK keeps with a TLS socket holds it too: it is the one to close first.
        getattr(self._attached, "_response", self._attached).close()
        self._socket.close()


@dataclass(eq=False)
class Forwarding:
    """A port of this machine's loopback, and what it leads to.

    Attributes:
        target: ``host:port`` over there.
    """

    listening: socket.socket = field(repr=False)
    target: str

    @property
    def port(self) -> int:
        """Here."""
        return int(self.listening.getsockname()[1])


class _NearEnd(relay.Multiplexer):
    """This end. Lets the other one reach ports that were offered to it, and no others."""

    def __init__(self, stream: relay.Stream) -> None:
        super().__init__(stream, 2, self._reach_offered)
        self.offered: dict[int, Future[str]] = {}
        self._asked: dict[int, int] = {}
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self.watch(self._woken, self._do)

    def ask(self, act: Callable[[], None]) -> None:
        """Have the thread that serves do this."""
        self._todo.put(act)
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    def offer(self, port: int) -> None:
        """Have the other end listen on that port."""
        number = len(self._asked)
        self._asked[number] = port
        self.tell(number, relay.LISTEN, str(port).encode())

    def handle(self, number: int, kind: int, payload: bytes) -> None:
        """Do what a frame says."""
        if kind != relay.LISTENS:
            return super().handle(number, kind, payload)
        if port := self._asked.get(number):
            with contextlib.suppress(InvalidStateError):
                self.offered[port].set_result(payload.decode(errors="replace"))
        return None

    def close(self) -> None:
        """After it has served."""
        self._wake.close()
        self._woken.close()

    def _do(self, _: int) -> None:
        self._woken.recv(1 << 12)
        with contextlib.suppress(queue.Empty):
            while True:
                self._todo.get_nowait()()

    def _reach_offered(self, target: str) -> socket.socket:
        if not target.isdigit() or int(target) not in self.offered:
            raise OSError("not offered")
        return relay.begin_connecting(f"{LOOPBACK}:{target}")


class Tunnel:
    """A container beside nginx's, through which both find each other's ports; and the thread at this end.

    Args:
        client: of the engine.
        labels: for that container.
        deadline: until when it must be there.

    Attributes:
        host: that container, as others of its network reach it.

    Raises:
        EngineUnavailable: it could not be started there.
    """

    def __init__(self, client: DockerClient, labels: Mapping[str, str], deadline: Deadline) -> None:
        self._client = client
        archive, command = relay_image()
        with speaking(client, "load the image of the relay"):
            image = ensure_loaded(client, archive)
        with speaking(client, "start the relay to an engine elsewhere", deadline.seconds):
            self._id = self._create(image, command, labels)
        try:
            with speaking(client, "start the relay to an engine elsewhere", deadline.seconds):
                attached = client.api.attach_socket(
                    self._id, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                )
                self._streams = AttachedStreams(attached)
                client.api.start(self._id)
                seen = client.api.inspect_container(self._id)["NetworkSettings"]
        except BaseException:
            with contextlib.suppress(Exception):
                client.api.remove_container(self._id, force=True, v=True)
            raise
        self.host = address_in(seen)
        self._end = _NearEnd(self._streams)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._end.serve, name="pytest-mtls tunnel", daemon=True)
        self._thread.start()

    def forward(self, target: str, port: int) -> Forwarding:
        """Lead a port of this machine's loopback to ``target`` over there.

        Args:
            target: ``host:port``.
            port: here; 0 for a free one.

        Raises:
            OSError: that port is taken.
        """
        made = Forwarding(socket.create_server((LOOPBACK, port), backlog=511), target)
        self._end.ask(lambda: self._end.accept_for(made.listening, lambda: made.target))
        return made

    def forget(self, made: Forwarding) -> None:
        """Lead it nowhere any more."""
        if self._thread.is_alive():
            self._end.ask(lambda: self._end.close_listening(made.listening))
        else:
            made.listening.close()

    def offer(self, port: int, deadline: Deadline) -> None:
        """Let containers reach that port of this machine's loopback, at the same port of :attr:`host`.

        Raises:
            EngineUnavailable: it cannot be listened on there, or the tunnel has ended.
        """
        with self._lock:
            if (answer := self._end.offered.get(port)) is None:
                answer = self._end.offered[port] = Future()
                self._end.ask(lambda: self._end.offer(port))
        what = f"let containers over there reach port {port} of this machine"
        try:
            # The thread may end while it is waited for.
            while not answer.done() and self._thread.is_alive() and not deadline.expired:
                with contextlib.suppress(NotInTime):
                    answer.result(min(deadline.remaining, 0.2))
        finally:
            failure = answer.result(0) if answer.done() else self._silence()
            if failure:
                del self._end.offered[port]
        if failure:
            raise EngineUnavailable(f"Tried to {what}, saw: {failure}. Name another port, or start the session again.")

    def close(self) -> None:
        """End it, and remove the container. Doing so twice is no error."""
        if not self._id:
            return
        try:
            self._remove()
        finally:
            self._end.ask(self._end.end)
            self._thread.join(_JOIN_SECONDS)
            self._end.close()
            self._streams.close()
            self._id = ""

    def _remove(self) -> None:
        from docker.errors import APIError

        with (
            speaking(self._client, "remove the relay's container"),
            contextlib.suppress(APIError),  # it removes itself once it has ended
        ):
            self._client.api.remove_container(self._id, force=True, v=True)

    def _silence(self) -> str:
        if self._thread.is_alive():
            return "no answer from the relay's container"
        return f"the relay's container has ended ({self._streams.said.strip() or 'it said nothing'})"

    def _create(self, image: str, command: tuple[str, ...], labels: Mapping[str, str]) -> str:
        host_config = self._client.api.create_host_config(
            auto_remove=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            mem_limit="256m",
            pids_limit=16,
            sysctls={"net.ipv4.ip_local_port_range": _OUTGOING_PORTS},
        )
        created = self._client.api.create_container(
            image,
            entrypoint=[command[0]],
            command=list(command[1:]),
            stdin_open=True,
            user=f"{NOBODY}:{NOBODY}",
            labels=dict(labels),
            host_config=host_config,
        )
        return str(created["Id"])
