"""One application, served on a thread by a server made for its interface: uvicorn for ASGI, cheroot for WSGI.

Both leave signals alone outside the main thread. What they and the application have to say goes to ``logging``, where
pytest takes it up into the report of the test that was running.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from pytest_mtls.applications.interface import AsgiApp, WsgiApp
from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.errors import ApplicationStartError, DeadlineExceeded, Unavailable

log: Final = logging.getLogger("pytest_mtls.applications")

_INSTALL: Final = "pip install 'pytest-mtls[app]'"
_STOP_SECONDS: Final = 5.0
_ABORT_SECONDS: Final = 1.0


class Serving(Protocol):
    """A server with one application."""

    @property
    def ready(self) -> bool:
        """Whether requests are served."""

    @property
    def port(self) -> int:
        """Where it listens, once it does."""

    def run(self) -> None:
        """Serve until it is stopped; for a thread of its own."""

    def stop(self) -> None:
        """Make :meth:`run` end, gracefully."""

    def abort(self) -> None:
        """Make it end, if that can be."""


class ServedApplication:
    """An application and the thread that serves it.

    Args:
        app: which.
        host: the address of this machine to listen on, on a free port.
        deadline: for its start, an ASGI application's own (``lifespan``) included.

    Raises:
        Unavailable: the server for its interface is not installed.
        ApplicationStartError: the application failed at its start.
        DeadlineExceeded: it did neither start nor fail.
        OSError: the address cannot be listened on.
    """

    def __init__(self, app: WsgiApp | AsgiApp, host: str, deadline: Deadline) -> None:
        self.app = app
        self._failure: str | None = None
        self._serving = _serving(app, host, self._note_failure)
        self._thread = threading.Thread(target=self._run, name=f"pytest-mtls application {name_of(app)}", daemon=True)
        self._thread.start()
        try:
            wait_until(
                lambda: self._serving.ready or not self._thread.is_alive(),
                deadline,
                awaited=f"the application {name_of(app)} to start",
            )
        except DeadlineExceeded:
            self._serving.abort()
            self.stop()
            raise
        if not self._serving.ready:
            raise ApplicationStartError(
                f"Tried to serve the application {name_of(app)} as upstream, and it failed at its start: "
                f"{self._failure}. It fails in the same way without nginx."
            )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._serving.port

    def stop(self) -> None:
        """Let requests under way end, for a moment, run what the application does at its end, and stop.

        What does not end by then is named in the log and left to itself: a thread cannot be killed.
        """
        self._serving.stop()
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            self._serving.abort()
            self._thread.join(_ABORT_SECONDS)
            log.error(
                "The application %s did not stop within %g s and was %s. "
                "Look for what it waits for without a deadline.",
                name_of(self.app),
                _STOP_SECONDS,
                "left to itself" if self._thread.is_alive() else "cancelled",
            )

    def _note_failure(self, said: str) -> None:
        self._failure = said

    def _run(self) -> None:
        try:
            self._serving.run()
        except BaseException as error:  # servers exit, and a thread has nobody above it
            self._failure = self._failure or f"{type(error).__name__}: {error}"


def name_of(app: WsgiApp | AsgiApp) -> str:
    """What it is called in messages: a function's name, or the name of its class."""
    inner: Any = app.app
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def _serving(app: WsgiApp | AsgiApp, host: str, failed: Callable[[str], None]) -> Serving:
    try:
        if isinstance(app, AsgiApp):
            from pytest_mtls.applications.asgi import AsgiServing

            return AsgiServing(app, host, failed)
        from pytest_mtls.applications.wsgi import WsgiServing

        return WsgiServing(app, host)
    except ImportError as error:
        raise Unavailable(
            f"Tried to serve the application {name_of(app)} as upstream, and {error.name} is not installed. "
            f"It comes with: {_INSTALL}"
        ) from error
