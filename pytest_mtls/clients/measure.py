"""Measuring: every client that is here, in every situation, beside what nginx did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from pytest_mtls.arguments import ServerArguments
from pytest_mtls.clients.asking import DEFAULT_SECONDS, ask
from pytest_mtls.clients.catalogue import CLIENTS, named, usable
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.clients.situations import SITUATIONS, ClientSituation, arguments_of
from pytest_mtls.errors import ClientUnavailable
from pytest_mtls.harness import Harness
from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.report.verdict import Verdict
from pytest_mtls.server import NginxServer


@dataclass(frozen=True, slots=True)
class Missing:
    """A client that cannot be asked.

    Attributes:
        client: its name.
        why: with the command that installs it.
    """

    client: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAnswer:
    """One client, asked once.

    Attributes:
        client: its name.
        version: its version.
        situation: the name of what it was shown.
        mode: ``ssl_verify_client``.
        tls: the version that was offered.
        seen: what nginx did.
        withheld: the client kept its certificate back.
        shown: what it showed.
    """

    client: str
    version: str
    situation: str
    mode: str
    tls: str
    seen: Verdict
    withheld: bool
    shown: Shown

    @property
    def words(self) -> str:
        """What nginx did, in a few words."""
        if self.seen.layer == "tls" and self.seen.reason:
            return f"TLS ended: {self.seen.reason.replace('_', ' ')}"
        return f"{self.seen.words}{', withheld' if self.withheld else ''}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "client": self.client,
            "version": self.version,
            "situation": self.situation,
            "mode": self.mode,
            "tls": self.tls,
            **asdict(self.seen),
            "withheld": self.withheld,
            "shown": {
                "exit_status": self.shown.exit_status,
                "errors": list(self.shown.errors),
                "text": self.shown.text,
                "status": self.shown.response.status if self.shown.response else None,
            },
        }


def available(names: Sequence[str]) -> tuple[list[str], list[Missing]]:
    """Those that can be asked, and why the others cannot; all there are where ``names`` is empty.

    Raises:
        InvalidArgument: there is no client of a name.
        ClientUnavailable: one that was named cannot be asked.
    """
    here, missing = [], []
    for client in [named(name) for name in names] or CLIENTS.values():
        try:
            usable(client)
            here.append(client.name)
        except ClientUnavailable as error:
            if names:
                raise
            missing.append(Missing(client.name, str(error)))
    return here, missing


def measure(
    harness: Harness,
    clients: Sequence[str],
    situations: Iterable[ClientSituation],
    *,
    versions: Sequence[str] = ("1.3",),
    nginx: str | None = None,
    timeout: float = DEFAULT_SECONDS,
) -> Iterator[MeasuredAnswer]:
    """Start a server for each kind of situation and ask; they are stopped when the iterator ends or is closed.

    Raises:
        ClientUnavailable: a client cannot be asked.
        NginxUnavailable: there is no such nginx.
    """
    stranger = CertificateAuthority("pytest-mtls other CA").certificate_pem
    with ExitStack() as made:

        def start(situation: ClientSituation, recorder: str = "") -> NginxServer:
            asked = arguments_of(situation, listed=stranger, trusted=harness.ca.chain_pem, recorder=recorder)
            arguments = ServerArguments.checked(asked | {"nginx": nginx}, where="clients")
            (server,) = harness.start([arguments], shared=True)
            made.callback(harness.discard, server)
            return server

        # This one comes first whatever is asked, since it knows where HTTP is recorded.
        plain = SITUATIONS["none-on"]
        servers = {plain.server: start(plain)}
        recorder = f"{harness.engine.upstream_host}:{servers[plain.server].recorder.http_port}"
        for situation in situations:
            if situation.server not in servers:
                servers[situation.server] = start(situation, recorder)
            for tls in versions:
                for client in clients:
                    yield _ask(harness, servers[situation.server], client, situation, tls, stranger, timeout)


def _ask(
    harness: Harness,
    server: NginxServer,
    client: str,
    situation: ClientSituation,
    tls: str,
    stranger: bytes,
    timeout: float,
) -> MeasuredAnswer:
    outcome = ask(
        server,
        client,
        credential=harness.credentials[situation.state],
        tls=tls,
        key_password=situation.key_password,
        trust=None if situation.trusts_server else stranger,
        timeout=timeout,
    )
    return MeasuredAnswer(
        client=client,
        version=outcome.client_version,
        situation=situation.name,
        mode=situation.mode,
        tls=tls,
        seen=Verdict.of(outcome),
        withheld=outcome.withheld,
        shown=outcome.shown,
    )
