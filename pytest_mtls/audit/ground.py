"""The user's nginx, running, and everybody who attacks it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pytest_mtls.audit.finding import Exchange
from pytest_mtls.audit.intent import Intent
from pytest_mtls.audit.places import Place
from pytest_mtls.harness import Harness
from pytest_mtls.outcome import Outcome
from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.states import Credentials, CredentialState
from pytest_mtls.server import NginxServer
from pytest_mtls.site.reading import Server, Site

_TIMEOUT: Final = 10.0
_REFUSALS: Final = (400, 401, 403, 405, 421, 444, 495, 496, 497)


@dataclass(eq=False)
class Ground:
    """What attacks are made on, and with.

    Attributes:
        harness: runs nginx.
        path: the main file.
        site: what it says.
        intent: what it means to protect.
        nginx: which one runs it.
    """

    harness: Harness
    path: Path
    site: Site
    intent: Intent
    nginx: str | None = None
    _asked: dict[tuple[int, CredentialState], Exchange] = field(default_factory=dict)
    _casts: dict[str, Credentials] = field(default_factory=dict)

    @cached_property
    def server(self) -> NginxServer:
        """The configuration, running as it is."""
        return self.started()

    def started(self, **changed: Any) -> NginxServer:
        """The configuration, running, in an nginx of its own.

        Args:
            changed: further arguments of ``nginx()``: ``upstreams``, or ``files`` in place of those of the same path.

        Raises:
            NginxStartError: nginx does not start with it; file and line are the user's.
        """
        files = {**self.files, **changed.pop("files", {})}
        if self.nginx:
            changed["nginx"] = self.nginx
        return self.harness.nginx(config=self.path, files=files, **changed)

    @cached_property
    def files(self) -> dict[str, bytes]:
        """An authority for each file of CAs, and the CRLs that go with it."""
        return {**self._authorities(), **self.crls()}

    def _authorities(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for server in self.site.servers:
            cast = self.cast(server)
            for name in ("ssl_client_certificate", "ssl_trusted_certificate"):
                written = server.block.value(name)
                if written and cast is not None:
                    found.setdefault(written, cast.authority.certificate_pem)
        return found

    def crls(self) -> dict[str, bytes]:
        """The CRLs of the servers' authorities, signed now."""
        found: dict[str, dict[str, None]] = {}
        for server in self.site.servers:
            written = server.block.value("ssl_crl")
            authority = self._authority_path(server)
            if written and authority:
                self.cast(server)
                found.setdefault(written, {})[authority] = None
        return {path: b"".join(self._casts[each].crl_bundle() for each in of) for path, of in found.items()}

    def _authority_path(self, server: Server) -> str:
        return server.block.value("ssl_client_certificate") or server.block.value("ssl_trusted_certificate")

    def cast(self, server: Server) -> Credentials | None:
        """Everybody who might come to that server; ``None`` where it knows no authority."""
        path = self._authority_path(server)
        if not path:
            return None
        if path not in self._casts:
            name = f"CN=pytest-mtls CA of {Path(path).name[:40]}"
            self._casts[path] = Credentials(CertificateAuthority(name))
        return self._casts[path]

    def anybody(self, server: Server) -> Credentials:
        """Everybody who might come; where the server knows no authority, of one it does not know."""
        return self.cast(server) or self.harness.credentials

    def reception(self, place: Place, state: CredentialState) -> Exchange:
        """What somebody in that state gets there; asked once."""
        key = (id(place), state)
        if key not in self._asked:
            self._asked[key] = self.ask(place, self.anybody(place.server)[state], who=str(state))
        return self._asked[key]

    def ask(
        self,
        place: Place,
        credential: Credential | None = None,
        *,
        who: str = "",
        path: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        server: NginxServer | None = None,
        **how: Any,
    ) -> Exchange:
        """Ask for a place.

        Args:
            place: where.
            credential: who asks.
            who: the same in words.
            path: in place of the place's.
            headers: sent along.
            server: another nginx than the one that runs the configuration as it is.
            how: further arguments of ``request()``.
        """
        listener = (server or self.server).listener_for(place.listen.written)
        headers = tuple(headers)
        how.setdefault("server_name", place.host if place.tls else None)
        how.setdefault("host", place.host)
        asked = path if path is not None else place.path or "/"
        outcome = listener.request(asked, credential=credential, headers=headers, timeout=_TIMEOUT, **how)
        return Exchange(_sent(place, asked, headers, who or _named(credential), how), seen(outcome), outcome)

    def honest(self, place: Place) -> Exchange:
        """What a client with a valid certificate gets."""
        return self.reception(place, CredentialState.VALID)

    def got_in(self, exchange: Exchange, place: Place) -> bool:
        """Whether what lies behind the check was reached: the application, a page, or what a valid client gets."""
        outcome = exchange.outcome
        if reached(outcome):
            return True
        honest = self.honest(place).outcome
        return (
            outcome.status is not None
            and outcome.status not in _REFUSALS
            and not 300 <= outcome.status < 400
            and (outcome.status, outcome.internal_status) == (honest.status, honest.internal_status)
        )


def reached(outcome: Outcome) -> bool:
    """Whether the application was reached, or a page came."""
    if outcome.status is None:
        return outcome.accepted
    return outcome.forwarded is not None or 200 <= outcome.status < 300


def seen(outcome: Outcome) -> str:
    """What came of a request, in words."""
    status = f"{outcome.status}" if outcome.status is not None else str(outcome.ending)
    internal = f" ({outcome.internal_status})" if outcome.internal_status else ""
    verify = f", $ssl_client_verify {outcome.verify}" if outcome.verify else ""
    where = ", reached the application" if outcome.forwarded is not None else ""
    return f"{status}{internal}{where}{verify}"


def _named(credential: Credential | None) -> str:
    return f"certificate {credential.subject_dn}" if credential else "no certificate"


def _sent(place: Place, path: str, headers: tuple[tuple[str, str], ...], who: str, how: dict[str, Any]) -> str:
    if place.is_stream:
        return f"{who}: bytes to {place.listen.written}"
    what = f"{who}: {'https' if place.tls else 'http'}://{how['host']}{path}"
    fields = "".join(f", {name}: {value[:60]}" for name, value in headers)
    name = how["server_name"]
    sni = "" if not place.tls or name == how["host"] else f", SNI {name}" if name else ", no SNI"
    return f"{what}{sni}{fields}"
