"""A WSGI application on cheroot."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Final

import cheroot.server
import cheroot.wsgi

from pytest_mtls.applications.interface import WsgiApp
from pytest_mtls.reach import hear_this_machine_only

log: Final = logging.getLogger("pytest_mtls.applications")

_THREADS: Final = 10
"""As many requests are served at a time; cheroot's own number."""
_GRACE_SECONDS: Final = 2
"""How long requests under way may go on once the server is to stop."""
_STOP_SECONDS: Final = 3.0


class WsgiServing:
    """cheroot, with one application.

    Args:
        app: which.
        host: the address of this machine to listen on, on a free port.
    """

    def __init__(self, app: WsgiApp, host: str) -> None:
        self._server = _Server((host, 0), app.app, numthreads=_THREADS, shutdown_timeout=_GRACE_SECONDS)

    @property
    def ready(self) -> bool:
        """Whether it listens."""
        return bool(self._server.ready)

    @property
    def port(self) -> int:
        """Where."""
        return int(self._server.bind_addr[1])

    def run(self) -> None:
        """Serve until it is stopped. Its threads inherit from this one that they do not keep the process alive."""
        self._server.prepare()
        hear_this_machine_only(self._server.socket)
        self._server.serve()

    def stop(self) -> None:
        """Let requests under way end, for a moment."""
        # cheroot waits for a request that hangs without a deadline; that must not be the caller's thread.
        stopping = threading.Thread(target=self._server.stop, name="pytest-mtls stops a WSGI server", daemon=True)
        stopping.start()
        stopping.join(_STOP_SECONDS)
        if stopping.is_alive():
            log.error(
                "A request to a WSGI application did not end within %g s; its thread is left behind until this process "
                "ends. Look for what it waits for without a deadline.",
                _STOP_SECONDS,
            )

    def abort(self) -> None:
        """Nothing more can be done than :meth:`stop` does."""


class _Connection(cheroot.server.HTTPConnection):
    def close(self) -> None:
        """Close it, and what it has not written: since Python 3.13 the collector warns of what cannot be any more."""
        super().close()
        with contextlib.suppress(OSError, ValueError):
            self.wfile.close()


class _Server(cheroot.wsgi.Server):
    ConnectionClass = _Connection
    expiration_interval = 0.1  # seconds: how often it looks whether it is to stop

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """To ``logging``; cheroot's own writes to stderr."""
        log.log(level, msg, exc_info=traceback)
