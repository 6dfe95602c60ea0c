"""Servers that many tests share: made once, and those a session needs made together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_mtls.arguments import ServerArguments
from pytest_mtls.errors import MtlsError
from pytest_mtls.harness import Harness
from pytest_mtls.nginx.spec import ServerSpec
from pytest_mtls.server import NginxServer

_LARGEST_GROUP: Final = 32

_Key = tuple[str, ServerSpec]


class ServerPool:
    """Gives equal arguments the same server.

    Everything announced is started with the first server that is asked for, in one nginx with a listener each: a
    container costs a quarter of a second, a further listener in it a tenth of that.
    """

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._announced: list[ServerArguments] = []
        self._servers: dict[_Key, NginxServer] = {}

    def announce(self, asked: Iterable[ServerArguments]) -> None:
        """Say what will be asked for; nothing is started yet."""
        self._announced.extend(asked)

    def get(self, arguments: ServerArguments) -> NginxServer:
        """The server for these arguments.

        Raises:
            InvalidArgument: an argument is not allowed.
            NginxStartError: nginx refused the configuration.
        """
        key = self._key(arguments)
        if key not in self._servers:
            self._start_with_others(key, arguments)
        return self._servers[key]

    def _key(self, arguments: ServerArguments) -> _Key:
        return self._harness.nginx_name(arguments), self._harness.resolve(arguments)

    def _start_with_others(self, key: _Key, arguments: ServerArguments) -> None:
        group = {key: arguments}
        if key[1].may_share_nginx:
            group |= self._announced_for(key[0])
        while group:
            batch = dict(list(group.items())[:_LARGEST_GROUP])
            for started in batch:
                del group[started]
            self._start(batch, wanted=key)

    def _announced_for(self, nginx: str) -> dict[_Key, ServerArguments]:
        waiting, self._announced = self._announced, []
        found: dict[_Key, ServerArguments] = {}
        for arguments in waiting:
            try:
                key = self._key(arguments)
            except MtlsError:
                continue  # the test that asks for it will be told
            if key[0] != nginx:
                self._announced.append(arguments)
            elif key[1].may_share_nginx and key not in self._servers:
                found[key] = arguments
        return found

    def _start(self, batch: dict[_Key, ServerArguments], *, wanted: _Key) -> None:
        try:
            servers = self._harness.start(list(batch.values()), shared=True)
        except MtlsError:
            # One that cannot be must not take the others along: halves are tried until it is alone, and its own test
            # gets the error.
            if len(batch) > 1:
                keys = list(batch)
                halves = [keys[: len(keys) // 2], keys[len(keys) // 2 :]]
                for half in sorted(halves, key=lambda half: wanted in half):  # what may raise comes last
                    self._start({key: batch[key] for key in half}, wanted=wanted)
            elif wanted in batch:
                raise
            return
        self._servers.update(zip(batch, servers, strict=True))
