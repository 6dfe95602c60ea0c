"""The applications that stand behind a harness's servers, each served once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from pytest_mtls.applications.interface import AsgiApp, WsgiApp, told_apart
from pytest_mtls.applications.serving import ServedApplication
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import Address, Engine


class Applications:
    """Serves applications where nginx reaches them; the same object is served once, however many servers name it.

    Args:
        engine: whose nginx reaches them.
        timeout: seconds that a start may take.
    """

    def __init__(self, engine: Engine, timeout: float) -> None:
        self._bind = engine.upstream_bind
        self._host = engine.upstream_host
        self._timeout = timeout
        self._lock = threading.RLock()
        self._served: dict[int, ServedApplication] = {}

    def address_of(self, value: Any) -> Address:
        """Where nginx finds that application, which is started where it is not yet.

        Raises:
            InvalidArgument: it speaks neither WSGI nor ASGI, or does not say which.
            Unavailable: the server for it is not installed.
            ApplicationStartError: it failed at its start.
            DeadlineExceeded: it did neither start nor fail.
        """
        app = told_apart(value)
        with self._lock:
            # What is served is kept, so no other object can have its id meanwhile.
            if id(app.app) not in self._served:
                self._served[id(app.app)] = ServedApplication(app, self._bind, Deadline.after(self._timeout))
            return Address(self._host, self._served[id(app.app)].port)

    def keep_only(self, upstreams: Iterable[object]) -> None:
        """Stop every application that is none of these upstreams."""
        kept = {id(each.app if isinstance(each, WsgiApp | AsgiApp) else each) for each in upstreams}
        with self._lock:
            for key in self._served.keys() - kept:
                self._served.pop(key).stop()

    def close(self) -> None:
        """Stop them all. Doing so twice is no error."""
        self.keep_only(())
