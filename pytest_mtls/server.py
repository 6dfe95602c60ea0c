"""A running nginx, as a test sees it: ask it, hold a connection to it, change it, look at its log."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.arguments import ServerArguments
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import Listener, RunningNginx
from pytest_mtls.errors import InvalidArgument, ReloadRefused, ServerGone, SharedServerError
from pytest_mtls.nginx.bundle import numbered
from pytest_mtls.nginx.spec import ServerBlock, ServerSpec
from pytest_mtls.outcome import Outcome
from pytest_mtls.probe.asked import Asked
from pytest_mtls.probe.conclusion import unloadable
from pytest_mtls.probe.connection import Connection
from pytest_mtls.reload import Reload, reload
from pytest_mtls.resolution import Surroundings, each_server, ocsp_of, resolve

if TYPE_CHECKING:
    import ssl

    import httpx
    import requests

    from pytest_mtls.outcome import Expected
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.states import Credentials, CredentialState
    from pytest_mtls.probe.contexts import ProbeContexts
    from pytest_mtls.probe.recorder import Recorder
    from pytest_mtls.probe.session import Session


class _Default(Enum):
    DEFAULT = "default"

    def __repr__(self) -> str:
        return "<default>"


DEFAULT: Final = _Default.DEFAULT

HeaderFields = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What every server of a session uses in common.

    Attributes:
        recorder: what nginx proxies to by default.
        contexts: the probe's.
        surroundings: what arguments are resolved against.
        cast: the credentials that are known in every state.
        trust: PEM of the CA that minted the servers' certificates, for clients that check them.
        timeout: seconds that starting, reloading and stopping may take.
    """

    recorder: Recorder
    contexts: ProbeContexts
    surroundings: Surroundings
    cast: Callable[[], Credentials]
    trust: Callable[[], bytes]
    timeout: float


class NginxServer:
    """One listener of a running nginx.

    Attributes:
        spec: what was asked for.
        observers: called with every outcome, as it is concluded.
    """

    def __init__(
        self,
        running: RunningNginx,
        position: int,
        spec: ServerSpec,
        arguments: ServerArguments,
        equipment: Equipment,
        *,
        shared: bool,
    ) -> None:
        self.spec = spec
        self.observers: list[Callable[[Outcome], None]] = []
        self._running = running
        self._position = position
        self._arguments = arguments
        self._equipment = equipment
        self._shared = shared
        self._stopped = False

    @property
    def running(self) -> RunningNginx:
        """The nginx behind it, for whoever looks closer: its journal, its build, how it ended."""
        return self._running

    @property
    def listener(self) -> Listener:
        """How it is reached."""
        return self._running.listeners[self._position]

    @property
    def host(self) -> str:
        """The address to dial, on loopback."""
        return self.listener.public.host

    @property
    def port(self) -> int:
        """The port to dial."""
        return self.listener.public.port

    @property
    def url(self) -> str:
        """``https://localhost:PORT``, without a slash at the end."""
        return f"https://localhost:{self.port}"

    @property
    def upstream_url(self) -> str:
        """Its address as another nginx of the same engine reaches it: for ``upstream=``."""
        return f"https://{self.listener.direct or self.listener.public}"

    @property
    def config(self) -> str:
        """The nginx.conf in force."""
        return self._running.bundle.config

    @property
    def version(self) -> str:
        """nginx's version, such as ``1.31.3``."""
        return self._running.build.version

    @property
    def openssl_version(self) -> str:
        """The version of the OpenSSL it runs with, such as ``3.3.7``."""
        return self._running.build.openssl_version

    @property
    def log(self) -> tuple[str, ...]:
        """nginx's log lines so far. A server that shares its nginx with others shares the log too."""
        self._running.journal.read()
        return self._running.journal.lines

    def request(
        self,
        path: str = "/",
        *,
        credential: Credential | None = None,
        method: str = "GET",
        headers: HeaderFields = (),
        body: bytes = b"",
        tls: str | Iterable[str] | None = None,
        server_name: str | _Default | None = DEFAULT,
        host: str | _Default = DEFAULT,
        session: Session | None = None,
        http2: bool | None = None,
        timeout: float = 10,
    ) -> Outcome:
        """Ask once, on a connection of its own, and say what nginx did.

        Args:
            path: the request target.
            credential: what to present; ``None`` presents no certificate.
            method: the HTTP method.
            headers: further fields; sent as they are, in order.
            body: sent with its length. To a stream server it is what is sent (``ping`` where it is empty).
            tls: versions to offer, ``"1.2"``, ``"1.3"`` or both; both by default.
            server_name: the SNI; ``None`` sends none. By default the server's first name.
            host: the Host field; by default the SNI, else the server's first name.
            session: a former outcome's, to resume.
            http2: whether to offer HTTP/2; by default as the server does.
            timeout: seconds for everything; what has not come by then is the outcome ``Ending.TIMEOUT``.

        Raises:
            ServerGone: nginx is not running.
            InvalidArgument: this cannot be sent at all.
        """
        asked = self._asked(credential, tls, server_name, session, http2)
        deadline = Deadline.after(timeout)
        with self._turn_if_needed():
            connection = self._open(asked, deadline)
            if isinstance(connection, Outcome):
                return self._noted(connection)
            with connection:
                return connection.ask_once(
                    path, method=method, headers=headers, body=body, host=self._host(host, asked), deadline=deadline
                )

    def connect(
        self,
        *,
        credential: Credential | None = None,
        tls: str | Iterable[str] | None = None,
        server_name: str | _Default | None = DEFAULT,
        session: Session | None = None,
        http2: bool | None = None,
        timeout: float = 10,
    ) -> Connection:
        """Shake hands and keep the connection; use it in a ``with`` statement. The arguments are those of
        :meth:`request`.

        Raises:
            ServerGone: nginx is not running.
            InvalidArgument: the TLS library will not load this credential, so there is no connection.
        """
        asked = self._asked(credential, tls, server_name, session, http2)
        opened = self._open(asked, Deadline.after(timeout))
        if isinstance(opened, Outcome):
            raise InvalidArgument(opened.explain())
        return opened

    def update(self, *, check: bool = True, timeout: float | None = None, **changes: Any) -> Reload:
        """Change some arguments: files are replaced by rename, HUP is sent, and this returns when the old workers are
        gone.

        Until then they go on answering, with the old configuration: nginx starts new workers and waits 100 ms before it
        retires the old ones (``ngx_master_process_cycle``).

        Args:
            check: raise if nginx refuses; else say so in the result.
            timeout: seconds to wait; the session's by default.
            changes: arguments of the factory. Without any, the same files are written anew.

        Raises:
            ReloadRefused: nginx kept the old configuration; its files are put back.
            SharedServerError: other tests use this server.
            DeadlineExceeded: old workers stayed, as they do while a request is under way.
        """
        self._must_be_private("update()")
        arguments = self._arguments.changed(changes, where="update()")
        for fixed in ("nginx", "port", "protocol"):
            if fixed in changes:
                raise InvalidArgument(f"update() cannot change {fixed}; ask mtls_nginx_factory for another server.")
        spec = resolve(arguments, self._equipment.surroundings)
        deadline = Deadline.after(timeout or self._equipment.timeout)
        result = reload(self._running, [spec], deadline)
        if result.applied:
            self._arguments, self.spec = arguments, spec
        elif check:
            raise ReloadRefused(
                f"nginx {self.version} kept its old configuration: {result.reason}\n\n"
                f"This was refused:\n{numbered(result.config)}",
                log=result.log,
                config=result.config,
            )
        return result

    def restart(self) -> None:
        """Stop nginx and start it again with the same files. Its port may be another afterwards (containers).

        Raises:
            SharedServerError: other tests use this server.
            NginxStartError: it does not come up again.
        """
        self._must_be_private("restart()")
        self._running.restart(Deadline.after(self._equipment.timeout))
        self._stopped = False

    def stop(self) -> None:
        """End nginx and remove its files. Doing so twice is no error.

        Raises:
            SharedServerError: other tests use this server.
        """
        self._must_be_private("stop()")
        self.discard()

    def discard(self) -> None:
        """What :meth:`stop` does, also for a shared server: for whoever made it."""
        self._stopped = True
        self._running.stop(Deadline.after(self._equipment.timeout))

    def expected(self, state: CredentialState, *, server_name: str | None = None) -> Expected:
        """What this nginx will do with a credential of that state, known before it is asked.

        Args:
            state: which of the cast.
            server_name: of a virtual server; the default server otherwise.

        Raises:
            InvalidArgument: this server has something of which nothing is known in advance, such as lines of its own.
        """
        from pytest_mtls.oracle import expect
        from pytest_mtls.oracle.recognition import situation_of

        cast = self._equipment.cast()
        block = self.spec.named(server_name)
        _, given = each_server(self._arguments)[self.spec.blocks.index(block)]
        return expect(state, situation_of(block, self.spec.protocol, ocsp_of(given), cast), self._running.build)

    def ssl_context(self, credential: Credential | None = None) -> ssl.SSLContext:
        """A context for any library: presents ``credential``, trusts this server and checks its name."""
        from pytest_mtls.probe import clients

        return clients.ssl_context(credential, self._trust())

    def requests_session(self, credential: Credential | None = None) -> requests.Session:
        """A ``requests.Session`` that presents ``credential`` and trusts this server and nothing else."""
        from pytest_mtls.probe import clients

        return clients.requests_session(self.ssl_context(credential))

    def httpx_client(self, credential: Credential | None = None, **options: Any) -> httpx.Client:
        """An ``httpx.Client`` with this server as its base URL; ``options`` are httpx's."""
        from pytest_mtls.probe import clients

        return clients.httpx_client(self.url, self.ssl_context(credential), **{"http2": self.spec.http2, **options})

    def httpx_async_client(self, credential: Credential | None = None, **options: Any) -> httpx.AsyncClient:
        """An ``httpx.AsyncClient``, otherwise the same."""
        from pytest_mtls.probe import clients

        return clients.httpx_async_client(
            self.url, self.ssl_context(credential), **{"http2": self.spec.http2, **options}
        )

    def curl(self, credential: Credential | None = None, path: str = "/", *, folder: str = "certs") -> list[str]:
        """The argument list of a curl command that asks the same.

        The credential's files and the CA's are written to ``folder`` (keys 0600): remove it when done.
        """
        from pytest_mtls.probe import clients

        return clients.curl(f"{self.url}{path}", credential, self._trust(), folder)

    def _trust(self) -> bytes:
        # A server certificate of the user's own is trusted itself: whoever issued it is not known here.
        own = self._arguments.given().get("server")
        return own.certificate_pem if own is not None else self._equipment.trust()

    def _must_be_private(self, what: str) -> None:
        if self._shared:
            raise SharedServerError(
                f"{what} would change a server that other tests share. "
                "Ask for one of your own: mtls_nginx_factory(...)."
            )

    def _asked(
        self,
        credential: Credential | None,
        tls: str | Iterable[str] | None,
        server_name: str | _Default | None,
        session: Session | None,
        http2: bool | None,
    ) -> Asked:
        return Asked.checked(
            credential=credential,
            tls=tls,
            server_name=self._first_name if server_name is DEFAULT else server_name,
            session=session,
            http2=self.spec.http2 if http2 is None else http2,
            protocol=self.spec.protocol,
        )

    @property
    def _first_name(self) -> str:
        name = self.spec.default.names[0]
        return "localhost" if "*" in name or name == "_" else name

    def _host(self, host: str | _Default, asked: Asked) -> str:
        return (asked.server_name or self._first_name) if isinstance(host, _Default) else host

    def _block(self, asked: Asked) -> ServerBlock:
        return self.spec.named(asked.server_name)

    def _open(self, asked: Asked, deadline: Deadline) -> Connection | Outcome:
        if self._stopped:
            raise ServerGone("This server was stopped.", config=self.config)
        if (ended := self._running.exit_reason()) is not None:
            # Asked before connecting: its port may be somebody else's by now.
            raise ServerGone(f"nginx has died ({ended}); its log has the reason.", log=self.log, config=self.config)
        equipment = self._equipment
        try:
            context = equipment.contexts.get(asked.credential, asked.tls, http2=asked.http2)
        except (OSError, InvalidArgument) as error:
            return unloadable(asked, error, self._running.build, mode=str(self._block(asked).verify), url=self.url)
        return Connection.open(
            asked,
            context,
            running=self._running,
            listener=self.listener,
            recorder=equipment.recorder,
            mode=str(self._block(asked).verify),
            note=self._noted,
            deadline=deadline,
        )

    def _noted(self, outcome: Outcome) -> Outcome:
        for observe in self.observers:
            observe(outcome)
        return outcome

    def _turn_if_needed(self) -> contextlib.AbstractContextManager[object]:
        # Where nginx does not see or say the client's port, connections are told apart by their order: one at a time.
        sees_port = self.listener.direct is not None and self._running.build.has_debug
        return contextlib.nullcontext() if sees_port else self._running.journal.turn

    def __repr__(self) -> str:
        modes = ", ".join(f"{'/'.join(block.names)}: {block.verify}" for block in self.spec.blocks)
        return f"<NginxServer {self.url} ({modes}) nginx {self.version}>"
