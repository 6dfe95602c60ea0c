"""The life of a running nginx: where it is, what it reads, how it is changed, started anew and ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.arguments import ServerArguments
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import Listener, RunningNginx
from pytest_mtls.errors import InvalidArgument, ReloadRefused, SharedServerError
from pytest_mtls.export.history import History
from pytest_mtls.nginx.bundle import numbered
from pytest_mtls.nginx.spec import ServerSpec
from pytest_mtls.outcome import Outcome
from pytest_mtls.own_config.changes import Change
from pytest_mtls.own_config.configuration import OwnConfiguration
from pytest_mtls.pki.trustme import native
from pytest_mtls.reload import Reload, checked_writing, rewrite
from pytest_mtls.reload import reload as reload_nginx
from pytest_mtls.resolution import Surroundings, resolve
from pytest_mtls.unclosed import release

if TYPE_CHECKING:
    from pytest_mtls.pki.states import Credentials
    from pytest_mtls.probe.contexts import ProbeContexts
    from pytest_mtls.probe.recorder import Recorder

_FIXED: Final = ("nginx", "port", "protocol", "clock")


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


class ControlledNginx:
    """One listener of a running nginx, and what can be done to that nginx.

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
        self._changing = threading.RLock()  # one change at a time: keep_fresh() makes some from a thread
        self._history = History()
        self._written = (arguments, spec)
        # Every listener of the user's own configuration that was asked for, by position: they change as one.
        self._kin: dict[int, ControlledNginx] = {position: self}

    @property
    def running(self) -> RunningNginx:
        """The nginx behind it, for whoever looks closer: its journal, its build, how it ended."""
        return self._running

    @property
    def arguments(self) -> ServerArguments:
        """What was asked for, as it was given."""
        return self._arguments

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
        """``https://localhost:PORT``, without a slash at the end; ``http://`` where no client shakes hands."""
        return f"{'https' if self.spec.tls else 'http'}://localhost:{self.port}"

    @property
    def changes(self) -> tuple[Change, ...]:
        """What of the user's own configuration (``config=``) runs otherwise than it is written, and why."""
        own = self.spec.own
        return own.changes if isinstance(own, OwnConfiguration) else ()

    @property
    def upstream_url(self) -> str:
        """Its address as another nginx of the same engine reaches it: for ``upstream=``."""
        return f"{'https' if self.spec.tls else 'http'}://{self.listener.inside or self.listener.public}"

    @property
    def trust(self) -> bytes:
        """PEM of what a client must trust to talk to it."""
        # A server certificate of the user's own is trusted itself: whoever issued it is not known here.
        own = getattr(native(self._arguments.given().get("server")), "certificate_pem", None)
        return own if own is not None else self._equipment.trust()

    @property
    def recorder(self) -> Recorder:
        """What stands behind it unless a test says otherwise, for whoever looks closer at what arrived."""
        return self._equipment.recorder

    @property
    def config(self) -> str:
        """The nginx.conf that nginx was given last."""
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

    def update(
        self,
        *,
        check: bool = True,
        timeout: float | None = None,
        writing: str = "rename",
        mtime: datetime | None = None,
        reload: bool = True,
        drain: bool = True,
        **changes: Any,
    ) -> Reload:
        """Change some arguments: files are replaced, HUP is sent, and this returns when the old workers are gone.

        Until then they go on answering, with the old configuration: nginx starts new workers and waits 100 ms before it
        retires the old ones (``ngx_master_process_cycle``).

        Args:
            check: raise if nginx refuses; else say so in the result.
            timeout: seconds to wait; the session's by default.
            writing: ``"rename"`` replaces each file by a new one; ``"in-place"`` (plain processes only) rewrites those
                that are there, which nginx 1.27.4 and later overlook where their modification time, in whole seconds,
                is what it was (``ssl_object_cache_inheritable``).
            mtime: the files' modification time, with a time zone; by default when they were written.
            reload: send HUP. Without, files are changed and nginx does not know; ``.applied`` is false.
            drain: wait until the old workers are gone; else only until they accept nothing new, so that connections
                they hold go on. ``.retiring`` says how many there are.
            changes: arguments of the factory. Without any, the same files are written anew.

        Raises:
            ReloadRefused: nginx kept the old configuration; its files are put back.
            SharedServerError: other tests use this server.
            InvalidArgument: an argument is unknown, not allowed, or not one that can be changed.
            EngineLacksFeature: this engine cannot write in place.
            DeadlineExceeded: old workers stayed, as they do while a request is under way.
        """
        self._must_be_private("update()")
        with self._changing:
            arguments = self._written[0].changed(changes, where="update()")
            for fixed in _FIXED:
                if fixed in changes:
                    raise InvalidArgument(f"update() cannot change {fixed}; ask mtls_nginx_factory for another server.")
            how = checked_writing(writing, mtime, self._running)
            spec = self._same_listeners(resolve(arguments, self._equipment.surroundings))
            deadline = self._deadline(timeout)
            if not reload:
                self._running.write(spec.all_listeners, deadline, how)
                self._note_written(arguments, spec)
                return Reload(False, None, self.config, ())
            result = rewrite(self._running, spec.all_listeners, how, deadline, drain=drain)
            if result.applied:
                self._note_written(arguments, spec)
            return self._taken(result, check=check)

    def _same_listeners(self, spec: ServerSpec) -> ServerSpec:
        former, new = self.spec.own, spec.own
        if isinstance(former, OwnConfiguration) and isinstance(new, OwnConfiguration):
            return new.in_order_of(former).specs()[self._position]
        if former is not new:
            raise InvalidArgument("update() cannot change config to or from another kind of server; make a new one.")
        return spec

    def _adopt(self, other: ControlledNginx) -> None:
        """Another listener of the same nginx, from now on changed with this one."""
        other.observers, other._changing, other._kin = self.observers, self._changing, self._kin
        other._written = (self._written[0], self._written[1].all_listeners[other._position])
        self._kin[other._position] = other

    def _note_written(self, arguments: ServerArguments, spec: ServerSpec) -> None:
        for position, each in self._kin.items():
            each._written = (arguments, spec.all_listeners[position] if spec.own is not None else spec)

    def _take_written(self) -> None:
        for each in self._kin.values():
            each._arguments, each.spec = each._written

    def reload(self, *, check: bool = True, timeout: float | None = None, drain: bool = True) -> Reload:
        """Send HUP and write nothing: nginx reads again what there is. Arguments and errors as for :meth:`update`;
        files that nginx refuses stay as they are."""
        self._must_be_private("reload()")
        with self._changing:
            return self._taken(reload_nginx(self._running, self._deadline(timeout), drain=drain), check=check)

    def _taken(self, result: Reload, *, check: bool) -> Reload:
        if result.applied:
            self._take_written()
            for each in self._kin.values():
                each._history.forget_answers()
        elif check:
            if isinstance(self.spec.own, OwnConfiguration):
                raise ReloadRefused(
                    f"nginx {self.version} kept its old configuration: "
                    f"{self.spec.own.in_their_words(result.reason or '')}",
                    log=result.log,
                    config=result.config,
                )
            raise ReloadRefused(
                f"nginx {self.version} kept its old configuration: {result.reason}\n\n"
                f"This was refused:\n{numbered(result.config)}",
                log=result.log,
                config=result.config,
            )
        return result

    def _deadline(self, timeout: float | None) -> Deadline:
        return Deadline.after(timeout or self._equipment.timeout)

    def restart(self) -> None:
        """Stop nginx and start it again with the same files. Its port may be another afterwards (containers).

        Raises:
            SharedServerError: other tests use this server.
            NginxStartError: it does not come up again.
        """
        self._must_be_private("restart()")
        with self._changing:
            self._running.restart(Deadline.after(self._equipment.timeout))
            self._take_written()
        for each in self._kin.values():
            each._stopped = False

    def stop(self) -> None:
        """End nginx and remove its files. Doing so twice is no error.

        Raises:
            SharedServerError: other tests use this server.
        """
        self._must_be_private("stop()")
        self.discard()

    def discard(self) -> None:
        """What :meth:`stop` does, also for a shared server: for whoever made it."""
        for each in self._kin.values():
            each._stopped = True
            release(each)
        self._running.stop(Deadline.after(self._equipment.timeout))

    def _must_be_private(self, what: str) -> None:
        if self._shared:
            raise SharedServerError(
                f"{what} would change a server that other tests share. "
                "Ask for one of your own: mtls_nginx_factory(...)."
            )
