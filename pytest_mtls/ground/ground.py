"""The user's nginx, running, and everybody who attacks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509

from pytest_mtls.ground.exchange import Exchange, Untried
from pytest_mtls.ground.intent import Intent
from pytest_mtls.ground.naming import ISSUER, lines_at, name_of, named, names_at
from pytest_mtls.ground.places import Place, places_of
from pytest_mtls.harness import Harness
from pytest_mtls.outcome import Outcome
from pytest_mtls.own_config.listening import names_of
from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.states import Credentials, CredentialState
from pytest_mtls.server import NginxServer
from pytest_mtls.site.reading import Server, Site

_TIMEOUT: Final = 10.0
_PATH: Final = re.compile(r"(?!data:|engine:|store:)[^$]+")
_NOT_HIM: Final = (401, 403, 404, 444)
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
        given: files of the user's own, by the path as it is written.
        upstreams: where requests go, by the target as it is written; to the recorder otherwise.
    """

    harness: Harness
    path: Path
    site: Site
    intent: Intent
    nginx: str | None = None
    given: Mapping[str, Path] = field(default_factory=dict)
    upstreams: Mapping[str, str] = field(default_factory=dict)
    _asked: dict[tuple[Place, CredentialState], Exchange] = field(default_factory=dict)
    _casts: dict[str, Credentials] = field(default_factory=dict)
    _welcome: dict[Place, tuple[Credential | None, str]] = field(default_factory=dict)

    @cached_property
    def reachable(self) -> tuple[Place | Untried, ...]:
        """Every place, and those that cannot be reached."""
        return tuple(places_of(self.site))

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every place: always the same ones."""
        return tuple(each for each in self.reachable if isinstance(each, Place))

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
        changed["upstreams"] = {**self.upstreams, **changed.get("upstreams", {})}
        if self.nginx:
            changed["nginx"] = self.nginx
        return self.harness.nginx(config=self.path, files=files, **changed)

    @cached_property
    def files(self) -> dict[str, bytes | Credential | Path]:
        """An authority for each file of CAs, the CRLs that go with it, and a certificate for each file of a server's.

        A file that several servers name is one file here too: sessions go from one server to another where certificate
        and CAs are the same (``ngx_ssl_session_id_context``).
        """
        return {**self._authorities(), **self._identities(), **self.crls(), **self.given}

    @property
    def _listening(self) -> tuple[Server, ...]:
        """Servers that run here: those for datagrams alone do not."""
        return tuple(each for each in self.site.servers if each.listens)

    def _authorities(self) -> dict[str, bytes]:
        names = ("ssl_client_certificate", "ssl_trusted_certificate")
        written = {server.block.value(name) for server in self._listening for name in names} - {""}
        return {path: self._cast(path).authority.certificate_pem for path in written}

    def _identities(self) -> dict[str, Credential]:
        names: dict[str, dict[str, None]] = {}
        pairs: dict[str, str] = {}
        for server in self._listening:
            certificates = server.block.effective("ssl_certificate")
            keys = server.block.effective("ssl_certificate_key")
            for certificate, key in zip(certificates, keys, strict=False):
                path = key.args[0]
                if all(_PATH.fullmatch(each) for each in (path, certificate.args[0])):
                    pairs.setdefault(certificate.args[0], path)
                    names.setdefault(path, {}).update(dict.fromkeys(names_of(server.block.directive, self.site.tree)))
        held = {path: self.harness.ca.issue_server(*(of or ("localhost",))) for path, of in names.items()}
        return held | {certificate: held[key] for certificate, key in pairs.items()}

    def crls(self) -> dict[str, bytes]:
        """The CRLs of the servers' authorities, signed now."""
        found: dict[str, dict[str, None]] = {}
        for server in self._listening:
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
        return self._cast(path) if path else None

    def _cast(self, path: str) -> Credentials:
        if path not in self._casts:
            self._casts[path] = Credentials(CertificateAuthority(self._issuer(path)))
        return self._casts[path]

    def authority_of(self, path: str) -> CertificateAuthority | None:
        """Who stands in for the authorities of a file; ``None`` where no server takes clients by it."""
        return self._cast(path).authority if path and path in self.files else None

    def _issuer(self, path: str) -> str | x509.Name:
        """The name of an authority: one that the configuration asks for, if it asks for any."""
        for place in self.places:
            if self._authority_path(place.server) == path:
                for test in lines_at(self.site, place, ISSUER):
                    if wanted := named(self.site, place, test, ISSUER):
                        return name_of(wanted.subject)
        return f"CN=pytest-mtls CA of {Path(path).name[:40]}"

    def adopt(self, server: Server, cast: Credentials | None) -> None:
        """Let that cast come to a server that knows an authority, unless somebody has come there already."""
        path = self._authority_path(server)
        if path and cast is not None:
            self._casts.setdefault(path, cast)

    def anybody(self, server: Server) -> Credentials:
        """Everybody who might come; where the server knows no authority, of one it does not know."""
        return self.cast(server) or self.harness.credentials

    def reception(self, place: Place, state: CredentialState) -> Exchange:
        """What somebody in that state gets there; asked once."""
        key = (place, state)
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
        if not place.tls:  # in the clear nobody can show a certificate
            credential, who = None, ""
        how.setdefault("server_name", place.host if place.tls else None)
        how.setdefault("host", place.host)
        asked = path if path is not None else place.path or "/"
        outcome = listener.request(asked, credential=credential, headers=headers, timeout=_TIMEOUT, **how)
        return Exchange(_sent(place, asked, headers, _who(credential, who), how), seen(outcome), outcome)

    def honest(self, place: Place) -> Exchange:
        """What a client with a valid certificate gets."""
        return self.reception(place, CredentialState.VALID)

    def welcome(self, place: Place) -> tuple[Credential | None, str]:
        """Somebody with a valid certificate who gets in there, and who it is in words.

        Where the subject decides it is one whom the configuration names, as far as one was thought of.
        """
        if place not in self._welcome:
            self._welcome[place] = self._let_in(place)
        return self._welcome[place]

    def _let_in(self, place: Place) -> tuple[Credential | None, str]:
        valid = self.anybody(place.server)[CredentialState.VALID]
        if not place.is_stream and self.honest(place).outcome.status in _NOT_HIM and self.cast(place.server):
            for who in names_at(self.site, place):
                name = name_of(who.subject)
                credential = self.anybody(place.server).authority.issue_client(subject=name)
                if self.ask(place, credential).outcome.status not in _NOT_HIM:
                    return credential, f"valid certificate {credential.subject_dn}"
        return valid, str(CredentialState.VALID)

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


def prepare(
    harness: Harness,
    path: Path,
    *,
    protected: Iterable[str] = (),
    public: Iterable[str] = (),
    nginx: str | None = None,
    files: Mapping[str, Path] = MappingProxyType({}),
    upstreams: Mapping[str, str] = MappingProxyType({}),
) -> Ground:
    """Read a configuration; nothing is started yet.

    Raises:
        InvalidArgument: it cannot be read; file and line are named.
    """
    site = Site.read(path, files)
    return Ground(harness, path, site, Intent(site, tuple(protected), tuple(public)), nginx, files, upstreams)


def reached(outcome: Outcome) -> bool:
    """Whether the application was reached, or a page came."""
    if outcome.status is None:
        return outcome.accepted
    return outcome.forwarded is not None or 200 <= outcome.status < 300


def seen(outcome: Outcome) -> str:
    """What came of a request, in words."""
    without = "answered" if outcome.accepted else str(outcome.ending)
    status = f"{outcome.status}" if outcome.status is not None else without
    internal = f" ({outcome.internal_status})" if outcome.internal_status else ""
    verify = f", $ssl_client_verify {outcome.verify}" if outcome.verify else ""
    where = ", reached the application" if outcome.forwarded is not None else ""
    return f"{status}{internal}{where}{verify}"


def _who(credential: Credential | None, who: str) -> str:
    if credential is None and who in ("", str(CredentialState.NONE)):
        return "no certificate"
    return who or f"certificate {credential.subject_dn if credential else ''}"


def _sent(place: Place, path: str, headers: tuple[tuple[str, str], ...], who: str, how: dict[str, Any]) -> str:
    if place.is_stream:
        return f"{who}: bytes to {place.listen.written}"
    what = f"{who}: {'https' if place.tls and not how.get('plain') else 'http'}://{how['host']}{path}"
    fields = "".join(f", {name}: {value[:60]}" for name, value in headers)
    name = how["server_name"]
    sni = "" if not place.tls or how.get("plain") or name == how["host"] else f", SNI {name}" if name else ", no SNI"
    return f"{what}{sni}{fields}"
