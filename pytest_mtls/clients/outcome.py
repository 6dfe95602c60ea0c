"""What nginx did with a request of somebody's own client, and what that client made of it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_mtls.outcome import Layer, Outcome
from pytest_mtls.probe.http import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a client showed to whoever ran it.

    Attributes:
        response: what it received; ``None`` where no answer came.
        exit_status: of a program (curl, openssl); ``None`` for a library, and for a program that was killed.
        errors: the names of what it raised, the outermost first, each with the code it carries, if any.
        text: its own words for what went wrong; ``""`` where nothing did.
        unloadable: it would not load the credential, so nothing was asked.
        killed: it did not end in time.
    """

    response: Response | None = None
    exit_status: int | None = None
    errors: tuple[str, ...] = ()
    text: str = ""
    unloadable: bool = False
    killed: bool = False

    @property
    def result(self) -> str:
        """In a few words: ``status 200``, ``exit 52``, ``ConnectionError > ProtocolError > RemoteDisconnected``."""
        if self.killed:
            return "no end in time: killed"
        parts = [] if self.exit_status is None else [f"exit {self.exit_status}"]
        if self.errors:
            parts.append(" > ".join(self.errors))
        if self.response is not None:
            parts.append(f"status {self.response.status}")
        return ", ".join(parts) or "nothing"

    def __str__(self) -> str:
        return f"{self.result}: {self.text}" if self.text else self.result


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOutcome(Outcome):
    """An :class:`~pytest_mtls.Outcome` of a request that another client made.

    What nginx did (``accepted``, ``verify``, ``internal_status``, ``variables``, ``forwarded``, ``log`` ...) comes from
    nginx and from what lies behind it, as for any outcome. ``status``, ``headers`` and ``body`` are what the client
    handed on. ``session`` and ``accepted_cas`` are ``None``: no client tells.

    Attributes:
        client: its name, such as ``curl``.
        client_version: such as ``7.88.1``.
        shown: what it showed: exit status, exceptions, text.
    """

    client: str
    client_version: str
    shown: Shown

    @property
    def withheld(self) -> bool:
        """Whether it kept its certificate back."""
        return self.story is not None and self.story.withheld

    def explain(self) -> str:
        """As for any outcome, and what the client showed."""
        text = Outcome.explain(self)
        if self.layer is Layer.CLIENT:
            text = text.replace("The TLS library on this side", self.client, 1)
        return f"{text}\n\n{self.client} {self.client_version} showed: {self.shown}"
