"""What must hold all through a roll-out: nobody good is ever refused, nobody revoked gets in once it is over."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from pytest_mtls.errors import InvalidArgument, MtlsError
from pytest_mtls.lifecycle.background import Background
from pytest_mtls.lifecycle.fleet import Servers, fleet_of
from pytest_mtls.outcome import Outcome
from pytest_mtls.pki.credential import Credential
from pytest_mtls.server import NginxServer

_GRACE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Violation:
    """An answer that should not have been.

    Attributes:
        after: seconds since the watch began, when it was asked.
        server: the address of the one that gave it.
        client: who asked.
        rule: what was to hold.
        outcome: the answer, or the error where there was none.
    """

    after: float
    server: str
    client: str
    rule: str
    outcome: Outcome | MtlsError

    def __str__(self) -> str:
        seen = self.outcome.explain() if isinstance(self.outcome, Outcome) else str(self.outcome)
        return f"After {self.after:.3f} s {self.server} broke the rule that {self.client} {self.rule}.\n\n{seen}"


class Invariant:
    """Asks every server all along, from a thread, and fails at the end where an answer was wrong.

    ::

        with Invariant(fleet, always=[alice], refused=[mallory]) as invariant:
            ca.revoke(mallory)
            fleet.roll(crl=ca.crl())
            invariant.roll_out_finished()

    Each asks on a connection of its own. A question that was under way when the roll-out finished does not count
    against the refused. At the end everybody is asked once more, so that each rule was looked at.

    Args:
        servers: one, several or a fleet.
        always: who must be let in all the time; ``None`` among them stands for a client without a certificate.
        refused: who must not be let in once :meth:`roll_out_finished` was called.
        path: what is asked for.
        every: seconds between two rounds.
        timeout: seconds one question may take; one that is not answered by then was not let in.

    Raises:
        InvalidArgument: there is nobody to ask as, or no server; or the roll-out never finished.
        AssertionError: at the end of the ``with`` statement: the first violation, with its time, server and reason.
    """

    def __init__(
        self,
        servers: Servers,
        *,
        always: Iterable[Credential | None] = (),
        refused: Iterable[Credential | None] = (),
        path: str = "/",
        every: float = 0.02,
        timeout: float = 10,
    ) -> None:
        self._fleet = fleet_of(servers)
        if not isinstance(always, Iterable) or not isinstance(refused, Iterable):
            raise InvalidArgument("Invariant: always and refused are lists of credentials: always=[alice].")
        self._always, self._refused = tuple(always), tuple(refused)
        for each in (*self._always, *self._refused):
            if each is not None and not isinstance(each, Credential):
                raise InvalidArgument(f"Invariant: {each!r} is neither a Credential nor None.")
        if not self._always and not self._refused:
            raise InvalidArgument("Invariant: nobody to ask as; give always=[...] or refused=[...].")
        for argument, seconds in (("every", every), ("timeout", timeout)):
            if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds <= 0:
                raise InvalidArgument(f"Invariant({argument}={seconds!r}): give a number of seconds above 0.")
        self._path = path
        self._timeout = timeout
        self._asked = 0
        self._violations: list[Violation] = []
        self._finished = False
        self._started = time.monotonic()
        self._background = Background(self._round_unless_stopped, every=every, name="the invariant's last round")

    @property
    def asked(self) -> int:
        """How many answers were looked at so far."""
        return self._asked

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Those so far, in order."""
        return tuple(self._violations)

    def roll_out_finished(self) -> None:
        """From now on the refused must be refused, by every server."""
        self._finished = True

    def __enter__(self) -> Invariant:
        self._started = time.monotonic()
        self._background.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.stop(self._timeout + _GRACE)
        if error is not None:
            return
        self._background.raise_error()
        if self._refused and not self._finished:
            raise InvalidArgument(
                "Invariant: roll_out_finished() was never called, so nobody was due to be refused: "
                "call it where the roll-out is over, or leave refused= out."
            )
        for question in self._questions():
            self._look(*question)
        if self._violations:
            rest = len(self._violations) - 1
            more = f"\n\n{rest} more of {self._asked} answers were wrong." if rest else ""
            raise AssertionError(f"{self._violations[0]}{more}")

    def _round_unless_stopped(self) -> None:
        for question in self._questions():
            if self._background.is_stopping:
                return
            self._look(*question)

    def _questions(self) -> Iterator[tuple[NginxServer, Credential | None, bool]]:
        for server in self._fleet.servers:
            for credential in self._always:
                yield server, credential, True
            for credential in self._refused:
                if self._finished:
                    yield server, credential, False

    def _look(self, server: NginxServer, credential: Credential | None, accepted: bool) -> None:
        asked_at = time.monotonic() - self._started
        outcome: Outcome | MtlsError
        try:
            outcome = server.request(self._path, credential=credential, timeout=self._timeout)
            kept = outcome.accepted is accepted
        except MtlsError as error:  # a server that is gone lets nobody in
            outcome, kept = error, not accepted
        self._asked += 1
        if not kept:
            rule = "is always let in" if accepted else "is refused once the roll-out is over"
            client = "a client without a certificate" if credential is None else str(credential)
            self._violations.append(Violation(asked_at, server.url, client, rule, outcome))
