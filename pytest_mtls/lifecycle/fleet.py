"""Several nginx that serve the same, changed one after another as a roll-out does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from pytest_mtls.errors import InvalidArgument, NginxError
from pytest_mtls.outcome import Outcome
from pytest_mtls.reload import Reload
from pytest_mtls.server import NginxServer


class Fleet:
    """Servers behind a load balancer, so to speak. It stands wherever a server is updated or asked.

    Whoever made the servers stops them; with ``mtls_nginx_factory`` that is the end of the test.

    Args:
        servers: one or more, private ones.

    Raises:
        InvalidArgument: there is none, or it is no server.
    """

    def __init__(self, *servers: NginxServer) -> None:
        for server in servers:
            if not isinstance(server, NginxServer):
                raise InvalidArgument(
                    f"Fleet: {server!r} is no NginxServer; Fleet.of(mtls_nginx_factory, 3) makes them."
                )
        if not servers:
            raise InvalidArgument("Fleet() has no server; Fleet.of(mtls_nginx_factory, 3) makes three.")
        self.servers = servers
        self._asked = 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, factory: Callable[..., NginxServer], size: int, **arguments: Any) -> Fleet:
        """Make ``size`` servers alike.

        Args:
            factory: ``mtls_nginx_factory``, or ``harness.nginx``.
            size: how many.
            arguments: the factory's. A ``session_ticket_key`` among them lets each resume the others' sessions.

        Raises:
            InvalidArgument: ``size`` is no positive number, or an argument is not allowed.
            NginxStartError: nginx refused the configuration.
        """
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InvalidArgument(f"Fleet.of(size={size!r}): a fleet has one server or more.")
        if not callable(factory):
            raise InvalidArgument(f"Fleet.of({factory!r}): give what makes a server, such as mtls_nginx_factory.")
        return cls(*(factory(**arguments) for _ in range(size)))

    def roll(
        self, *, after_each: Callable[[NginxServer], object] = lambda server: None, **changes: Any
    ) -> tuple[Reload, ...]:
        """Change one server after another; each has taken over before the next is told.

        Args:
            after_each: called between two steps, with the server that was changed: what is asked there meets a fleet
                that is half old and half new.
            changes: as for ``NginxServer.update()``.

        Raises:
            NginxError: a server refused; the message says which, and those after it were left alone.
            DeadlineExceeded: a server's old workers stayed.
        """
        results = []
        for number, server in enumerate(self.servers, 1):
            try:
                results.append(server.update(**changes))
            except NginxError as error:
                where = f"Server {number} of {len(self.servers)} ({server.url}) stopped the roll-out: "
                raise type(error)(where + str(error), log=error.log, config=error.config) from error
            after_each(server)
        return tuple(results)

    def update(self, **changes: Any) -> tuple[Reload, ...]:
        """The same as :meth:`roll`."""
        return self.roll(**changes)

    def request(self, path: str = "/", **how: Any) -> Outcome:
        """Ask the servers in turn, as a load balancer does; ``how`` is as for ``NginxServer.request()``."""
        with self._lock:
            server = self.servers[self._asked % len(self.servers)]
            self._asked += 1
        return server.request(path, **how)

    def __len__(self) -> int:
        return len(self.servers)

    def __repr__(self) -> str:
        return f"<Fleet of {len(self.servers)}: {', '.join(server.url for server in self.servers)}>"


Servers = NginxServer | Fleet | Iterable[NginxServer]
"""Whatever the helpers of this room work on: a server, several, or a fleet."""


def fleet_of(servers: Servers) -> Fleet:
    """All of them as a fleet.

    Raises:
        InvalidArgument: there is none, or it is no server.
    """
    if isinstance(servers, Fleet):
        return servers
    return Fleet(*([servers] if isinstance(servers, NginxServer) or not isinstance(servers, Iterable) else servers))
