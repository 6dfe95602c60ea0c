"""A socket in front of the container engine that can be cut, frozen and restored, while the engine itself is left
alone: to whoever talks through it, the engine was stopped, hangs, or was started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import threading
from types import TracebackType
from typing import Final

from pytest_mtls.engines.api import endpoint

_LOOK_SECONDS: Final = 0.05
_JOIN_SECONDS: Final = 10


class EngineProxy:
    """Use it in a ``with`` statement.

    Attributes:
        url: for ``DOCKER_HOST``.
    """

    def __init__(self) -> None:
        self._real = endpoint()
        # The path of a socket must be short, which that of tmp_path is not.
        self._folder = tempfile.mkdtemp(prefix="engine-", dir="/tmp")
        self._path = f"{self._folder}/socket"
        self.url = f"unix://{self._path}"
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listening: socket.socket | None = None
        self.restore()

    def restore(self) -> None:
        """The engine is there, and answers."""
        self._flowing.set()
        if self._listening is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(self._path)
            self._listening.listen(64)
            self._begin(self._accept, self._listening)

    def freeze(self) -> None:
        """It takes connections, and what is sent, and answers nothing."""
        self._flowing.clear()

    def cut_connections(self) -> None:
        """Those that are open end; new ones can be made."""
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Nobody listens any more, as after the engine was stopped or killed."""
        if self._listening is not None:
            # Closing alone does not wake a thread in accept().
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
        self.cut_connections()

    def __enter__(self) -> EngineProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut()
        self._flowing.set()
        for each in self._threads:
            each.join(_JOIN_SECONDS)
        shutil.rmtree(self._folder)

    def _begin(self, act: object, *arguments: object) -> None:
        thread = threading.Thread(target=act, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = self._connect()
                with self._lock:
                    self._open |= {near, far}
                self._begin(self._serve, near, far)

    def _connect(self) -> socket.socket:
        scheme, _, address = self._real.partition("://")
        if scheme == "unix":
            far = socket.socket(socket.AF_UNIX)
            far.connect(address)
            return far
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), _JOIN_SECONDS)

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
        back.start()
        self._pump(near, far)
        back.join(_JOIN_SECONDS)
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                while not self._flowing.wait(_LOOK_SECONDS):
                    pass
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
