"""What belongs to one pytest session or one test: kept in pytest's stash, so that nothing is global."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_mtls import options, unclosed
from pytest_mtls.arguments import ServerArguments
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.errors import InvalidArgument, MtlsError
from pytest_mtls.escapes import printable
from pytest_mtls.harness import DEFAULT_TIMEOUT, Harness
from pytest_mtls.marking import announced
from pytest_mtls.nginx.bundle import numbered
from pytest_mtls.outcome import Outcome
from pytest_mtls.pool import ServerPool
from pytest_mtls.refusal import StartRefusal
from pytest_mtls.report.record import Observation
from pytest_mtls.server import NginxServer

_HARNESS = pytest.StashKey[Harness]()
_ANNOUNCED = pytest.StashKey[list[ServerArguments]]()
_WATCHES = pytest.StashKey[list["Watch"]]()
_OBSERVATIONS = pytest.StashKey[list[Observation]]()


@dataclass(slots=True)
class Watch:
    """One server while one test uses it.

    Attributes:
        server: which.
        test: which, by its node id.
        log_start: how long the server's log was before.
        last: its latest answer. Only that one is kept whole: a test may ask ten thousand times.
        observations: what all of them showed.
    """

    server: NginxServer
    test: str
    log_start: int
    last: Outcome | None = None
    observations: list[Observation] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        """Take in an answer."""
        self.last = outcome
        self.observations.append(Observation.of(self.test, outcome))

    def sections(self) -> Iterator[tuple[str, str]]:
        """For the report of a failed test: what happened last, the log, the configuration."""
        if self.last is not None:
            yield "mTLS outcome", self.last.explain()
        log = self.server.log[self.log_start :]
        yield f"nginx log of {self.server.url}", "\n".join(log) or "(nothing was logged during this test)"
        yield f"nginx configuration of {self.server.url}", numbered(self.server.config)


def harness_of(config: pytest.Config) -> Harness:
    """The session's harness, opened when first asked for.

    Raises:
        EngineUnavailable: the engine that was asked for is not to be had.
    """
    if _HARNESS not in config.stash:
        names = options.nginx_names(config)
        config.stash[_HARNESS] = Harness.open(
            options.engine_name(config),
            nginx=names[0] if names else BUNDLED,
            timeout=options.timeout(config) or DEFAULT_TIMEOUT,
        )
    return config.stash[_HARNESS]


def harness_with(config: pytest.Config, ca: object) -> Harness:
    """The same, using that authority.

    Raises:
        InvalidArgument: what the fixture gave is not one.
    """
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.trustme import native

    ca = native(ca)
    if not isinstance(ca, CertificateAuthority):
        raise InvalidArgument(
            f"The fixture mtls_ca gave a {type(ca).__name__}; have it return a CertificateAuthority, such as "
            "CertificateAuthority.from_pem(certificate, key, password)."
        )
    harness = harness_of(config)
    harness.use_authority(ca)
    return harness


def pool_of(config: pytest.Config) -> ServerPool:
    """A pool that knows what the collected tests will ask for."""
    pool = ServerPool(harness_of(config))
    asked = config.stash.setdefault(_ANNOUNCED, [])
    pool.announce(asked)
    return pool


def announce(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember what the collected tests will ask for."""
    config.stash[_ANNOUNCED] = announced(items)


def close(config: pytest.Config) -> list[str]:
    """End the session; returns the addresses of servers that are left up."""
    harness = config.stash.get(_HARNESS, None)
    if harness is None:
        return []
    del config.stash[_HARNESS]
    left = []
    if options.option(config, "keep"):
        left = [str(server) for server in harness.servers]
        harness.leave_running()
    try:
        harness.close()
    except MtlsError as error:
        left.append(str(error))
    return left


@contextmanager
def watched(item: pytest.Item, server: NginxServer) -> Iterator[NginxServer]:
    """Keep what a server answers during a test, for its report."""
    watch = Watch(server, item.nodeid, len(server.log))
    told = _properties(server, harness_of(item.config).engine.name)
    item.user_properties += [each for each in dict.fromkeys(told) if each not in item.user_properties]
    item.stash.setdefault(_WATCHES, []).append(watch)
    server.observers.append(watch.note)
    try:
        yield server
    finally:
        server.observers.remove(watch.note)


def _properties(server: NginxServer, engine: str) -> Iterator[tuple[str, object]]:
    """What a test's element in JUnit XML says of a server that it used."""
    yield "mtls_nginx", f"{server.version} (OpenSSL {server.openssl_version})"
    yield "mtls_engine", engine
    if server.spec.own is None:
        yield from (("mtls_verify", str(block.verify)) for block in server.spec.blocks)


def sections(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """For the report of a failed test: what is known of each server it used."""
    for watch in item.stash.get(_WATCHES, []):
        yield from ((printable(title), printable(text)) for title, text in watch.sections())


def close_left_open(item: pytest.Item, before_setup: int, before_call: int) -> None:
    """Close what was opened while a test ran and is still open, and the connections that its fixtures made to servers
    of its own; name them in a warning. What fixtures of a wider scope opened is theirs.

    Raises:
        UnclosedWarning: where warnings are errors.
    """
    own = [watch.server for watch in item.stash.get(_WATCHES, [])]
    left = [each for each in unclosed.opened_since(before_setup) if each.number > before_call or each.owner in own]
    unclosed.close(left, test=item.nodeid)


def observe(item: pytest.Item) -> None:
    """Keep what a finished test saw, for ``--mtls-report``."""
    kept = item.config.stash.setdefault(_OBSERVATIONS, [])
    for watch in item.stash.get(_WATCHES, []):
        kept.extend(watch.observations)


def observations(config: pytest.Config) -> list[Observation]:
    """Everything that was kept for the report."""
    return config.stash.setdefault(_OBSERVATIONS, [])


class PrivateServers:
    """The :class:`~pytest_mtls.NginxFactory` of one test."""

    def __init__(self, item: pytest.Item, defaults: ServerArguments, harness: Harness) -> None:
        self._item = item
        self._defaults = defaults
        self._harness = harness
        self._made = ExitStack()

    def __call__(self, **arguments: Any) -> NginxServer:
        """See :class:`~pytest_mtls.NginxFactory`."""
        asked = self._defaults.changed(arguments, where="mtls_nginx_factory()")
        (server,) = self._harness.start([asked], shared=False)
        self._made.callback(self._harness.discard, server)
        return self._made.enter_context(watched(self._item, server))

    def refusal(self, **arguments: Any) -> StartRefusal | None:
        """See :class:`~pytest_mtls.NginxFactory`."""
        return self._harness.refusal_of(self._defaults.changed(arguments, where="mtls_nginx_factory.refusal()"))

    def close(self) -> None:
        """Stop every server that was made."""
        if not options.option(self._item.config, "keep"):
            self._made.close()
