"""A running nginx, as a test sees it: ask it, hold a connection to it, and the clients that people use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls import unclosed
from pytest_mtls.control import ControlledNginx
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.errors import InvalidArgument, ServerGone
from pytest_mtls.nginx.spec import ServerBlock
from pytest_mtls.outcome import Outcome
from pytest_mtls.own_config.configuration import OwnConfiguration
from pytest_mtls.pki.trustme import native
from pytest_mtls.probe import clients
from pytest_mtls.probe.asked import Asked
from pytest_mtls.probe.conclusion import unloadable
from pytest_mtls.probe.connection import Connection
from pytest_mtls.resolution import each_server, ocsp_of

if TYPE_CHECKING:
    import ssl

    import httpx
    import requests

    from pytest_mtls.clients.outcome import ClientOutcome
    from pytest_mtls.export.folder import Reproducer
    from pytest_mtls.outcome import Expected
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.states import CredentialState
    from pytest_mtls.pki.trustme import TrustmeLeafCert
    from pytest_mtls.probe.session import Session


class _Default(Enum):
    DEFAULT = "default"

    def __repr__(self) -> str:
        return "<default>"


DEFAULT: Final = _Default.DEFAULT

HeaderFields = Mapping[str, str] | Iterable[tuple[str, str]]


class NginxServer(ControlledNginx):
    """One listener of a running nginx. How it is changed, restarted and stopped: see ``control.py``."""

    @property
    def listeners(self) -> Mapping[str, str]:
        """Where each address of the user's own configuration is reached: ``{"*:443": "127.0.0.1:40001", ...}``."""
        own = self.spec.own
        if not isinstance(own, OwnConfiguration):
            return {}
        places = zip(own.written, self._running.listeners, strict=True)
        return {written: str(listener.public) for written, listener in places}

    def listener_for(self, written: str | int) -> NginxServer:
        """Another listener of the same nginx, where the configuration is the user's own.

        Args:
            written: its port, or its address, as their ``listen`` has it: ``8443``, ``"[::]:443"``, ``"unix:/run/x"``.

        Raises:
            InvalidArgument: there is none, or several.
        """
        own = self.spec.own
        if not isinstance(own, OwnConfiguration):
            raise InvalidArgument("listener_for() goes with config='nginx.conf'; this server has one listener.")
        position = own.position(written)
        known = self._kin.get(position)
        if isinstance(known, NginxServer):
            return known
        spec = own.specs()[position]
        other = NginxServer(self._running, position, spec, self._arguments, self._equipment, shared=self._shared)
        self._adopt(other)
        return other

    def request(
        self,
        path: str = "/",
        *,
        credential: Credential | TrustmeLeafCert | None = None,
        method: str = "GET",
        headers: HeaderFields = (),
        body: bytes = b"",
        tls: str | Iterable[str] | None = None,
        server_name: str | _Default | None = DEFAULT,
        host: str | _Default = DEFAULT,
        session: Session | None = None,
        http2: bool | None = None,
        plain: bool | int = False,
        security_level: int = 0,
        obeys_ca_hints: bool = False,
        signature_algorithms: str | Iterable[str] = (),
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
            server_name: the SNI; ``None`` sends none, nor does an IP address (RFC 6066 section 3). By default the
                server's first name.
            host: the Host field; by default ``server_name``, else the server's first name.
            session: a former outcome's, to resume.
            http2: whether to offer HTTP/2; by default as the server does.
            plain: speak HTTP without TLS (to a stream server: bytes), to the TLS port, or to the port given: that of a
                plain ``listen`` among ``directives``.
            security_level: OpenSSL's, of the client: 0 sends anything; from 2 on it will not even load RSA-1024 or
                SHA-1 (``SSL_CTX_set_security_level(3)``), and the outcome's layer is ``client``.
            obeys_ca_hints: present the credential as Go, Java and browsers do: only where the list of CAs that the
                server sends is empty or names an issuer of its chain. OpenSSL's clients do not look at that list.
            signature_algorithms: the only ones the client may sign with, by their names in RFC 8446 section 4.2.3.
            timeout: seconds for everything; what has not come by then is the outcome ``Ending.TIMEOUT``.

        Raises:
            ServerGone: nginx is not running.
            InvalidArgument: this cannot be sent at all.
            Unavailable: this Python cannot choose signature algorithms; it can since 3.15.
        """
        asked = self._asked(
            server_name,
            credential=credential,
            tls=tls,
            session=session,
            http2=http2,
            plain=plain,
            security_level=security_level,
            obeys_ca_hints=obeys_ca_hints,
            signature_algorithms=signature_algorithms,
        )
        deadline = Deadline.after(timeout)
        with self._turn_if_needed():
            connection = self._open(asked, deadline)
            if isinstance(connection, Outcome):
                return self._noted(connection)
            with connection:
                return connection.ask_once(
                    path, method=method, headers=headers, body=body, host=self._host(host, asked), deadline=deadline
                )

    def request_with(self, client: str, path: str = "/", **asked: Any) -> ClientOutcome:
        """Ask with the client you ship, such as ``"curl"``; the arguments: :func:`pytest_mtls.clients.asking.ask`."""
        from pytest_mtls.clients.asking import ask

        return ask(self, client, path, **{**asked, "credential": native(asked.get("credential"))})

    def connect(
        self,
        *,
        credential: Credential | TrustmeLeafCert | None = None,
        tls: str | Iterable[str] | None = None,
        server_name: str | _Default | None = DEFAULT,
        session: Session | None = None,
        http2: bool | None = None,
        plain: bool | int = False,
        security_level: int = 0,
        obeys_ca_hints: bool = False,
        signature_algorithms: str | Iterable[str] = (),
        timeout: float = 10,
    ) -> Connection:
        """Shake hands and keep the connection; use it in a ``with`` statement. The arguments are those of
        :meth:`request`.

        One that a test leaves open is closed at its end and named in an :class:`~pytest_mtls.UnclosedWarning`.

        Raises:
            ServerGone: nginx is not running.
            InvalidArgument: the TLS library will not load this credential, so there is no connection.
        """
        asked = self._asked(
            server_name,
            credential=credential,
            tls=tls,
            session=session,
            http2=http2,
            plain=plain,
            security_level=security_level,
            obeys_ca_hints=obeys_ca_hints,
            signature_algorithms=signature_algorithms,
        )
        opened = self._open(asked, Deadline.after(timeout))
        if isinstance(opened, Outcome):
            raise InvalidArgument(opened.explain())
        unclosed.hold(
            opened,
            what=f"a connection to {self.url}",
            advice="use connect() in a `with` statement, or close() it",
            owner=self,
            close=opened.close,
        )
        return opened

    def expected(self, state: CredentialState, *, server_name: str | None = None) -> Expected:
        """What this nginx will do with a credential of that state, known before it is asked.

        Args:
            state: which of the cast.
            server_name: of a virtual server; the default server otherwise.

        Raises:
            InvalidArgument: this server has something of which nothing is known in advance, such as lines of its own.
        """
        from pytest_mtls.oracle import expect
        from pytest_mtls.oracle.recognition import refuse_what_is_not_known, situation_of

        refuse_what_is_not_known(self.spec, self._running.build)
        cast = self._equipment.cast()
        block = self.spec.named(server_name)
        _, given = each_server(self._arguments)[self.spec.blocks.index(block)]
        return expect(state, situation_of(block, self.spec.protocol, ocsp_of(given), cast), self._running.build)

    def export_to(self, folder: str | os.PathLike[str], *, port: int | None = None, force: bool = False) -> Reproducer:
        """Write this server to a folder that runs anywhere with nginx or ``docker compose``: for a bug report.

        ``steps.sh`` in it asks again what was asked of this server so far, with curl and openssl, and says what each
        request shows; where nothing was asked yet, a few of the cast. Resumed sessions are not repeated.

        Args:
            folder: made for its owner only; it gets the private keys of the credentials that were used.
            port: where the exported nginx listens; by default the server's own if one was asked for, else 8443.
            force: write into a folder that is not empty.

        Raises:
            InvalidArgument: the folder is not empty, or not a folder; or the port is none.
            WorkspaceUnavailable: it cannot be written.
        """
        from pytest_mtls.export.folder import export

        if self.spec.own is not None:
            raise InvalidArgument("export_to() does not go with config=, which is a folder that runs already.")
        return export(
            Path(folder),
            spec=self.spec,
            build=self._running.build,
            port=port,
            answers=self._history.answers,
            cast=self._equipment.cast(),
            expected=lambda state, name: self.expected(state, server_name=name),
            trust=self.trust,
            force=force,
        )

    def ssl_context(self, credential: Credential | TrustmeLeafCert | None = None) -> ssl.SSLContext:
        """A context for any library: presents ``credential``, trusts this server and checks its name."""
        return clients.ssl_context(credential, self.trust)

    def requests_session(self, credential: Credential | TrustmeLeafCert | None = None) -> requests.Session:
        """A ``requests.Session`` that presents ``credential`` and trusts this server and nothing else."""
        return clients.requests_session(self.ssl_context(credential))

    def httpx_client(self, credential: Credential | TrustmeLeafCert | None = None, **options: Any) -> httpx.Client:
        """An ``httpx.Client`` with this server as its base URL; ``options`` are httpx's."""
        return clients.httpx_client(self.url, self.ssl_context(credential), **{"http2": self.spec.http2, **options})

    def httpx_async_client(
        self, credential: Credential | TrustmeLeafCert | None = None, **options: Any
    ) -> httpx.AsyncClient:
        """An ``httpx.AsyncClient``, otherwise the same."""
        return clients.httpx_async_client(
            self.url, self.ssl_context(credential), **{"http2": self.spec.http2, **options}
        )

    def curl(
        self, credential: Credential | TrustmeLeafCert | None = None, path: str = "/", *, folder: str = "certs"
    ) -> list[str]:
        """The argument list of a curl command that asks the same.

        The credential's files and the CA's are written to ``folder`` (keys 0600): remove it when done.
        """
        return clients.curl(f"{self.url}{path}", credential, self.trust, folder)

    def _asked(self, server_name: str | _Default | None, *, plain: bool | int, **given: Any) -> Asked:
        if not self.spec.tls and plain is False:
            plain = True
        if isinstance(server_name, _Default):
            server_name = self._first_name if plain is False else None
        return Asked.checked(
            server_name=server_name,
            plain=plain,
            protocol=self.spec.protocol,
            serves_http2=self.spec.http2,
            **given,
        )

    @property
    def _first_name(self) -> str:
        name = self.spec.default.names[0]
        return "localhost" if "*" in name or name == "_" else name

    def _host(self, host: str | _Default, asked: Asked) -> str:
        if not isinstance(host, _Default):
            return host
        name = asked.server_name or self._first_name
        return f"[{name}]" if ":" in name else name

    def _block(self, asked: Asked) -> ServerBlock:
        return self.spec.named(asked.sni)

    def _open(self, asked: Asked, deadline: Deadline) -> Connection | Outcome:
        if self._stopped:
            raise ServerGone("This server was stopped.", config=self.config)
        if (ended := self._running.exit_reason()) is not None:
            # Asked before connecting: its port may be somebody else's by now.
            raise ServerGone(f"nginx has died ({ended}); its log has the reason.", log=self.log, config=self.config)
        equipment = self._equipment
        try:
            with within_limits("load the client's credential"):
                context, hinted = equipment.contexts.of(asked)
        except (OSError, InvalidArgument) as error:
            return unloadable(asked, error, self._running.build, mode=str(self._block(asked).verify), url=self.url)
        return Connection.open(
            asked,
            context,
            hinted=hinted,
            running=self._running,
            listener=self.listener,
            recorder=equipment.recorder,
            mode=str(self._block(asked).verify),
            note=self._history.noting(asked.credential, self._noted),
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
