"""An ASGI application on uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import warnings
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from pytest_mtls.applications.interface import AsgiApp
from pytest_mtls.reach import hear_this_machine_only

_GRACE_SECONDS: Final = 2
"""How long requests under way may go on once the server is to stop."""


class AsgiServing:
    """uvicorn, with one application.

    Args:
        app: which.
        host: the address of this machine to listen on, on a free port.
        failed: is told why the application would not start.
    """

    def __init__(self, app: AsgiApp, host: str, failed: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            _telling_how_it_starts(app.app, failed),
            interface="asgi3",
            loop="asyncio",
            http="h11",
            log_config=None,
            # What X-Forwarded-* mean is the application's own affair, as it is where it is deployed.
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        with warnings.catch_warnings():
            # Whichever WebSocket library is installed gets loaded, and its authors may have deprecated it.
            warnings.simplefilter("ignore", DeprecationWarning)
            config.load()
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server((host, 0), backlog=511)
        hear_this_machine_only(self._socket)
        self.port = int(self._socket.getsockname()[1])
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def ready(self) -> bool:
        """Whether the application has started and is served."""
        return self._server.started

    def run(self) -> None:
        """Serve until it is stopped."""
        with self._socket:
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Say that it is to stop, with what the application does at its end."""
        self._server.should_exit = True

    def abort(self) -> None:
        """Cancel whatever can be: not what runs in a thread."""
        self._server.force_exit = True
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)


def _telling_how_it_starts(app: Callable[..., Any], failed: Callable[[str], None]) -> Callable[..., Any]:
    async def told(scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            if message["type"] == "lifespan.startup.failed":
                # Starlette gives the whole traceback, whose last line is the error.
                lines = str(message.get("message", "")).strip().splitlines()
                failed(lines[-1] if lines else "lifespan.startup.failed, without a message")
            await send(message)

        await app(scope, receive, watched if scope["type"] == "lifespan" else send)

    return told
