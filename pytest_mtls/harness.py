"""Everything a session needs, in one thing that can be closed; works without pytest.

::

    with Harness.open() as harness:
        server = harness.nginx(verify="optional")
        print(server.request(credential=harness.ca.issue_client("alice")).explain())
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.arguments import UNSET, ServerArguments
from pytest_mtls.control import Equipment
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.cleanup import Guard
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.engines.protocol import BUNDLED, Address, Engine, Upstreams
from pytest_mtls.engines.selection import choose_engine
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.own_config.mapping import own_config_named
from pytest_mtls.refusal import StartRefusal, refusal_of
from pytest_mtls.resolution import Surroundings, each_server, resolve
from pytest_mtls.server import NginxServer
from pytest_mtls.unclosed import hold, release

if TYPE_CHECKING:
    from pytest_mtls.nginx.spec import ServerSpec
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.states import Credentials

DEFAULT_TIMEOUT = 10.0
_STOPPED_AT_ONCE: Final = 8
"""An nginx takes 60 ms to end, a container 200 ms, and both are spent waiting."""
_STOPPING_SECONDS: Final = 60

_CRL_SECONDS = 3600
"""How long a CRL is used again; it is valid for days."""


class Harness:
    """An engine, an authority, a recorder, and the servers made with them. Close it, or use it in a ``with`` statement.

    Attributes:
        engine: what runs nginx.
        why: one clause that says why this engine.
        default_nginx: which nginx where a test names none.
        timeout: seconds that starting, reloading or stopping may take.
    """

    def __init__(
        self, engine: Engine, why: str, guard: Guard, *, nginx: str = BUNDLED, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        self.engine = engine
        self.why = why
        self.default_nginx = nginx
        self.timeout = timeout
        self._guard = guard
        self._lock = threading.RLock()
        self._servers: list[NginxServer] = []
        self._server_credentials: dict[tuple[str, ...], Credential] = {}
        self._last_crl: tuple[Any, float, bytes] = (None, 0.0, b"")

    @classmethod
    def open(
        cls,
        engine: str = "auto",
        *,
        nginx: str = BUNDLED,
        timeout: float = DEFAULT_TIMEOUT,
        ca: CertificateAuthority | None = None,
    ) -> Harness:
        """Choose an engine and get ready; nothing is started yet. ``ca`` is an authority that exists already.

        Raises:
            EngineUnavailable: the engine that was asked for is not to be had.
            InvalidArgument: there is no engine of that name.
            LimitReached: no process can be started.
        """
        guard = Guard()
        with within_limits("open a session"):
            chosen, why = choose_engine(engine, guard)
        try:
            guard.start()
        except BaseException:
            chosen.close()
            raise
        harness = cls(chosen, why, guard, nginx=nginx, timeout=timeout)
        if ca is not None:
            harness.use_authority(ca)
        return harness

    @cached_property
    def ca(self) -> CertificateAuthority:
        """The authority that servers trust by default; it also mints their own certificates."""
        from pytest_mtls.pki.authority import CertificateAuthority

        return CertificateAuthority()

    def use_authority(self, ca: CertificateAuthority) -> None:
        """Take this authority for all that is started from now on."""
        with self._lock:
            if self.__dict__.get("ca") is not ca:
                self.__dict__.pop("credentials", None)
                self.__dict__.pop("_client_credential", None)
                self._server_credentials.clear()
                self.ca = ca

    @cached_property
    def credentials(self) -> Credentials:
        """The cast: one credential for each state, all under :attr:`ca` where they are under anything."""
        from pytest_mtls.pki.states import Credentials

        return Credentials(self.ca)

    @property
    def build(self) -> NginxBuild:
        """What the default nginx says about itself.

        Raises:
            NginxUnavailable: there is none of that name, or it is not usable.
        """
        return self.engine.build(self.default_nginx, Deadline.after(self.timeout))

    def nginx(self, **arguments: Any) -> NginxServer:
        """A private server, with the arguments of the marker; stopped when the harness is closed, or before.

        Raises:
            InvalidArgument: an argument is unknown or not allowed.
            NginxStartError: nginx refused the configuration.
        """
        checked = ServerArguments.checked(arguments, where="nginx()")
        (server,) = self.start([checked], shared=False)
        hold(
            server,
            what=f"the server {server.url}",
            advice="stop() it, or close its harness",
            owner=server,
            close=lambda: self.discard(server),
        )
        return server

    def refusal(self, **arguments: Any) -> StartRefusal | None:
        """Why nginx does not start with these arguments; ``None`` where it does, and then it is stopped again.

        Raises:
            InvalidArgument: an argument is unknown or not allowed.
        """
        return self.refusal_of(ServerArguments.checked(arguments, where="refusal()"))

    def refusal_of(self, asked: ServerArguments) -> StartRefusal | None:
        """What :meth:`refusal` does, for arguments that were checked."""
        return refusal_of(lambda: self.discard(*self.start([asked], shared=False)))

    def start(self, asked: Sequence[ServerArguments], *, shared: bool) -> list[NginxServer]:
        """One nginx that serves all of ``asked``, which must name the same nginx.

        Args:
            asked: one listener each.
            shared: whether the servers are for several tests, and so must not be changed.
        """
        specs = [self.resolve(arguments) for arguments in asked]
        equipment = self._equipment
        # A configuration of the user's own has several listeners and runs alone; the first is the server.
        listeners = [each for spec in specs for each in spec.all_listeners]
        with own_config_named(specs[0]):
            running = self.engine.start(
                listeners,
                nginx=self.nginx_name(asked[0]),
                upstreams=self._upstreams,
                deadline=Deadline.after(self.timeout),
            )
        servers = [
            NginxServer(running, position, spec, arguments, equipment, shared=shared)
            for position, (spec, arguments) in enumerate(zip(specs, asked, strict=True))
        ]
        with self._lock:
            self._servers.extend(servers)
        return servers

    def resolve(self, arguments: ServerArguments) -> ServerSpec:
        """The spec that these arguments ask for in this session."""
        return resolve(arguments, self._equipment.surroundings)

    def nginx_name(self, arguments: ServerArguments) -> str:
        """Which nginx these arguments ask for."""
        return self.default_nginx if arguments.nginx is UNSET or arguments.nginx is None else str(arguments.nginx)

    @property
    def servers(self) -> tuple[NginxServer, ...]:
        """All that were started and not closed with the harness."""
        with self._lock:
            return tuple(self._servers)

    def discard(self, server: NginxServer) -> None:
        """Stop one server."""
        server.discard()
        with self._lock:
            if server in self._servers:
                self._servers.remove(server)
        if "_applications" in self.__dict__:
            self._applications.keep_only(self._named_upstreams())

    def leave_running(self) -> None:
        """Let go of every server without stopping it; ``pytest-mtls sweep`` removes them later."""
        with self._lock:
            servers, self._servers = self._servers, []
        for server in servers:
            release(server)
        self._guard.release()

    def close(self) -> None:
        """Stop every server and let go of everything. Doing so twice is no error.

        Raises:
            EngineUnavailable: the container engine did not remove everything; all else is done.
        """
        with self._lock:
            servers, self._servers = self._servers, []
        with contextlib.ExitStack() as ending:
            ending.callback(self._guard.close)
            ending.callback(self.engine.close)
            if "_recorder" in self.__dict__:
                ending.callback(self._recorder.close)
            if "_applications" in self.__dict__:
                ending.callback(self._applications.close)
            ending.callback(_stop_together, servers)

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _recorder(self) -> Any:
        from pytest_mtls.probe.recorder import Recorder

        with within_limits("listen for what nginx passes on", any_port=True):
            return Recorder(self.engine.upstream_bind)

    @cached_property
    def _applications(self) -> Any:
        from pytest_mtls.applications.registry import Applications

        return Applications(self.engine, self.timeout)

    def _named_upstreams(self) -> Iterator[object]:
        """What stands behind the servers that there are, as it was given."""
        for server in self.servers:
            for _, given in each_server(server.arguments):
                yield given.get("upstream")
                yield from (given.get("upstreams") or {}).values()

    @property
    def _upstreams(self) -> Upstreams:
        host = self.engine.upstream_host
        return Upstreams(Address(host, self._recorder.http_port), Address(host, self._recorder.stream_port))

    @cached_property
    def _equipment(self) -> Equipment:
        from pytest_mtls.probe.contexts import ProbeContexts

        return Equipment(
            recorder=self._recorder,
            contexts=ProbeContexts(),
            surroundings=Surroundings(
                client_ca=lambda: self.ca.chain_pem,
                full_crl=self._full_crl,
                server_credential=self._server_credential,
                ocsp_url=lambda responder: responder.url_for(self.engine),
                client_credential=lambda: self._client_credential,
                application=lambda app: str(self._applications.address_of(app)),
                container=lambda name, port: str(self.engine.container_address(name, port)),
            ),
            cast=lambda: self.credentials,
            trust=lambda: self.ca.chain_pem,
            timeout=self.timeout,
        )

    @cached_property
    def _client_credential(self) -> Credential:
        """What nginx presents to upstreams of the user's own configuration."""
        return self.ca.issue_client("nginx")

    def _server_credential(self, names: tuple[str, ...]) -> Credential:
        """A server certificate for those names and this machine's, minted once."""
        with self._lock:
            if names not in self._server_credentials:
                known = dict.fromkeys(name for name in names if name not in ("_", "*"))
                sans = list(dict.fromkeys([*known, "localhost", "127.0.0.1", "::1"]))
                self._server_credentials[names] = self.ca.issue_server(*sans)
            return self._server_credentials[names]

    def _full_crl(self) -> bytes:
        """The CRLs of the cast: those of the last time while they say the same, so that equal arguments are equal."""
        from pytest_mtls.pki.pem import load_crls

        fresh = self.credentials.crl_bundle()
        said = [
            (crl.issuer, {(each.serial_number, each.revocation_date_utc) for each in crl}) for crl in load_crls(fresh)
        ]
        with self._lock:
            last, when, content = self._last_crl
            if last != said or time.monotonic() - when > _CRL_SECONDS:
                self._last_crl = (said, time.monotonic(), fresh)
                return fresh
            return content


def _stop_together(servers: Sequence[NginxServer]) -> None:
    """Stop them all, whatever comes of any; the first error is raised afterwards.

    Nothing may be imported here: where no file can be opened any more, servers are to be stopped all the same.
    """
    by_nginx: dict[int, list[NginxServer]] = {}
    for server in servers:
        by_nginx.setdefault(id(server.running), []).append(server)
    waiting, errors = list(by_nginx.values()), list[Exception]()

    def stop_some() -> None:
        with contextlib.suppress(IndexError):
            while True:
                group = waiting.pop()
                try:
                    for server in group:
                        server.discard()
                except Exception as error:
                    errors.append(error)

    others = [threading.Thread(target=stop_some) for _ in range(min(_STOPPED_AT_ONCE, len(waiting)) - 1)]
    for each in others:
        each.start()
    stop_some()
    for each in others:
        each.join(_STOPPING_SECONDS)
    if errors:
        raise errors[0]
