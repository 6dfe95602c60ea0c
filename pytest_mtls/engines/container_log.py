"""A container's output, drained by a thread: an engine stops reading from nginx when nobody reads from it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final

_DRAIN_SECONDS: Final = 2.5


class ContainerLog(ABC):
    """What a thread has received of a container's output, until somebody reads it.

    Attributes:
        ended: whether nothing more will come.
    """

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._data: list[bytes] = []
        self.ended = False
        self._thread = threading.Thread(target=self._drain, name="pytest-mtls log", daemon=True)
        self._thread.start()

    def read(self, timeout: float) -> bytes:
        """What has arrived, waiting for at most ``timeout`` seconds."""
        with self._arrived:
            if timeout > 0:
                self._arrived.wait_for(lambda: self._data or self.ended, timeout)
            data, self._data = b"".join(self._data), []
            return data

    def check(self) -> None:
        """The engine keeps it, and says so itself where it cannot."""
        return

    def close(self) -> None:
        """End the thread."""
        with contextlib.suppress(OSError):
            self._end()
        self._thread.join(_DRAIN_SECONDS)

    @abstractmethod
    def _pump(self) -> None:
        """Deliver what comes until nothing more does."""

    @abstractmethod
    def _end(self) -> None:
        """Have nothing more come."""

    def _deliver(self, data: Iterable[bytes]) -> None:
        with self._arrived:
            self._data.extend(data)
            self._arrived.notify_all()

    def _drain(self) -> None:
        # Whatever a connection that was cut off raises, here or in the SDK's libraries: it has ended.
        with contextlib.suppress(Exception):
            self._pump()
        with self._arrived:
            self.ended = True
            self._arrived.notify_all()


class AttachedLog(ContainerLog):
    """The output of a container that was attached to before it was started."""

    def __init__(self, attached: Any) -> None:
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._attached = attached
        self._socket.settimeout(None)
        super().__init__()

    def close(self) -> None:
        """End the thread."""
        super().close()
        # The response that the SDK keeps with its reader holds the socket too: it is the one to close first.
        getattr(self._attached, "_response", self._attached).close()
        self._socket.close()

    def _end(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)

    def _pump(self) -> None:
        # Docker Engine API, "Attach to a container", stream format: 1 byte stream, 3 bytes nothing, 4 bytes length,
        # then data.
        rest = b""
        while received := self._socket.recv(1 << 16):
            rest += received
            frames = []
            while len(rest) >= 8 and len(rest) >= 8 + (length := struct.unpack(">I", rest[4:8])[0]):
                frames.append(rest[8 : 8 + length])
                rest = rest[8 + length :]
            self._deliver(frames)


class FollowedLog(ContainerLog):
    """The log that the engine keeps of a container, from its beginning on.

    To attach to a container that has just ended would be to wait for its next start; a log that is followed ends with
    its container.
    """

    def __init__(self, followed: Any) -> None:
        self._followed = followed
        super().__init__()

    def _end(self) -> None:
        self._followed.close()

    def _pump(self) -> None:
        for data in self._followed:
            self._deliver([data])
