"""Measuring: one nginx with a listener for each mode, asked with each credential, beside what the oracle says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from pytest_mtls.arguments import Ocsp, ServerArguments
from pytest_mtls.deadline import Deadline
from pytest_mtls.errors import NginxLacksFeature
from pytest_mtls.explanation import conclusion
from pytest_mtls.harness import Harness
from pytest_mtls.nginx.spec import VerifyMode
from pytest_mtls.pki.ocsp import OcspResponder
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.verdict import Verdict
from pytest_mtls.server import NginxServer
from pytest_mtls.table.situations import named


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one nginx is started for; parts can be measured in any order and by different processes.

    Attributes:
        nginx: as ``--mtls-nginx`` names it.
        situation: a name that :func:`~pytest_mtls.table.situations.named` knows.
        modes: ``ssl_verify_client``, a listener each.
        versions: of TLS, ``"1.2"`` or ``"1.3"``.
        states: the credentials to show.
    """

    nginx: str
    situation: str
    modes: tuple[VerifyMode, ...] = tuple(VerifyMode)
    versions: tuple[str, ...] = ("1.2", "1.3")
    states: tuple[CredentialState, ...] = tuple(CredentialState)

    def __len__(self) -> int:
        """How many cells it has."""
        return len(self.modes) * len(self.versions) * len(self.states)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCell:
    """One credential, shown once.

    Attributes:
        nginx: the name it was asked for by.
        nginx_version: such as ``1.31.3``.
        openssl_version: such as ``3.3.7``.
        engine: ``process`` or ``docker``.
        situation: the name of the server's.
        mode: ``ssl_verify_client``.
        tls: the version that was offered.
        state: the credential.
        seen: what nginx made of it.
        sentence: the same for a human, with the reason as far as it can be observed.
        because: the oracle's rule, with its source.
        differences: attribute -> (expected, observed); empty where the oracle is right.
    """

    nginx: str
    nginx_version: str
    openssl_version: str
    engine: str
    situation: str
    mode: VerifyMode
    tls: str
    state: CredentialState
    seen: Verdict
    sentence: str
    because: str
    differences: Mapping[str, tuple[object, object]]

    def __str__(self) -> str:
        return f"{self.nginx} {self.engine} {self.situation} {self.mode} TLS {self.tls} {self.state}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "nginx": self.nginx,
            "nginx_version": self.nginx_version,
            "openssl_version": self.openssl_version,
            "engine": self.engine,
            "situation": self.situation,
            "mode": str(self.mode),
            "tls": self.tls,
            "credential": str(self.state),
            **asdict(self.seen),
            "sentence": self.sentence,
            "because": self.because,
            "differences": {
                name: {"expected": _plain(expected), "observed": _plain(observed)}
                for name, (expected, observed) in self.differences.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Gap:
    """A situation that an nginx cannot be in.

    Attributes:
        nginx: which.
        situation: which.
        cells: how many were not measured.
        why: what it lacks.
    """

    nginx: str
    situation: str
    cells: int
    why: str

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def measure(harness: Harness, part: Part) -> Iterator[MeasuredCell | Gap]:
    """Start one nginx and ask it; it is stopped when the iterator ends or is closed.

    Raises:
        NginxUnavailable: there is no such nginx. One that merely cannot do this is a :class:`Gap`.
        NginxStartError: nginx refused the situation's configuration.
    """
    harness.engine.build(part.nginx, Deadline.after(harness.timeout))
    with ExitStack() as made:
        arguments = named(part.situation).make(harness.credentials)
        made.callback(_close_responder, arguments.get("ocsp"))
        asked = [ServerArguments(**{**arguments, "verify": mode, "nginx": part.nginx}) for mode in part.modes]
        try:
            servers = harness.start(asked, shared=True)
        except NginxLacksFeature as lacking:
            yield Gap(part.nginx, part.situation, len(part), lacking.lack)
            return
        for server in servers:
            made.callback(harness.discard, server)
        for mode, server in zip(part.modes, servers, strict=True):
            for tls in part.versions:
                for state in part.states:
                    yield _ask(harness, part, server, mode, tls, state)


def _ask(
    harness: Harness, part: Part, server: NginxServer, mode: VerifyMode, tls: str, state: CredentialState
) -> MeasuredCell:
    outcome = server.request(credential=harness.credentials[state], tls=tls)
    expected = server.expected(state)
    return MeasuredCell(
        nginx=part.nginx,
        nginx_version=server.version,
        openssl_version=server.openssl_version,
        engine=harness.engine.name,
        situation=part.situation,
        mode=mode,
        tls=tls,
        state=state,
        seen=Verdict.of(outcome),
        sentence=conclusion(outcome),
        because=expected.because,
        differences=outcome.differences(expected),
    )


def _close_responder(asked: object) -> None:
    responder = asked.responder if isinstance(asked, Ocsp) else asked
    if isinstance(responder, OcspResponder):
        responder.close()


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def plan(
    nginx: Iterable[str],
    situations: Iterable[str],
    *,
    versions: Iterable[str] = ("1.2", "1.3"),
    states: Iterable[CredentialState] = CredentialState,
) -> list[Part]:
    """A part for each nginx in each situation, in all modes that nginx takes there."""
    situations, versions, states = tuple(situations), tuple(versions), tuple(states)
    return [
        Part(nginx=name, situation=situation, modes=named(situation).modes, versions=versions, states=states)
        for name in nginx
        for situation in situations
    ]
