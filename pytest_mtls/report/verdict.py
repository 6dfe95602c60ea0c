"""What nginx made of one request, in few words, and what that means for whoever relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mtls.outcome import Outcome


class Meaning(Enum):
    """What an answer means, in the order from best to worst.

    Attributes:
        words: for a legend.
        styles: for a terminal.
    """

    words: str
    styles: tuple[str, ...]

    def __new__(cls, value: str, words: str, *styles: str) -> Meaning:
        member = object.__new__(cls)
        member._value_ = value
        member.words = words
        member.styles = styles
        return member

    SUCCESS = "success", "accepted, verified (SUCCESS)", "green"
    NONE = "none", "accepted without a verified certificate (NONE)"
    FAILED = "failed", "accepted although verification failed (FAILED)", "yellow"
    REFUSED = "refused", "refused by nginx, after the TLS handshake", "red"
    TLS = "tls", "refused in the TLS handshake", "magenta"
    UNSENT = "unsent", "not sent: the client's own TLS library refused", "dim"

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The part of an outcome that does not depend on when and where it was asked; the attributes are those of
    :class:`~pytest_mtls.Outcome`."""

    accepted: bool
    layer: str
    status: int | None
    internal_status: int | None
    verify: str | None
    verify_code: int | None
    reason: str | None
    alert: str | None

    @classmethod
    def of(cls, outcome: Outcome) -> Verdict:
        """That part."""
        return cls(
            accepted=outcome.accepted,
            layer=str(outcome.layer),
            status=outcome.status,
            internal_status=outcome.internal_status,
            verify=outcome.verify,
            verify_code=outcome.verify_code,
            reason=outcome.reason,
            alert=outcome.alert,
        )

    @property
    def meaning(self) -> Meaning:
        """What it means."""
        if self.layer == "client":
            return Meaning.UNSENT
        if self.layer == "tls":
            return Meaning.TLS
        if not self.accepted:
            return Meaning.REFUSED
        return {"SUCCESS": Meaning.SUCCESS, "FAILED": Meaning.FAILED}.get(self.verify_word or "", Meaning.NONE)

    @property
    def verify_word(self) -> str | None:
        """``$ssl_client_verify`` up to its colon: ``NONE``, ``SUCCESS`` or ``FAILED``."""
        return self.verify.partition(":")[0] if self.verify is not None else None

    @property
    def words(self) -> str:
        """In a few words, such as ``400 (495) certificate_expired``."""
        return " ".join(self._words())

    @property
    def substance(self) -> tuple[object, ...]:
        """All but nginx's text, which changes with the version of OpenSSL: equal where two did the same."""
        return (
            self.accepted,
            self.layer,
            self.status,
            self.internal_status,
            self.verify_word,
            self.verify_code,
            self.reason,
            self.alert,
        )

    def _words(self) -> Iterator[str]:
        if self.layer == "client":
            yield "not sent"
        elif self.layer == "tls":
            yield f"TLS alert {self.alert}" if self.alert else "TLS closed"
        elif self.accepted:
            yield str(self.status or "served")
            yield f"FAILED: {self.reason}" if self.verify_code is not None else self.verify_word or ""
        else:
            yield str(self.status or "closed")
            if self.internal_status:
                yield f"({self.internal_status})"
            yield self.reason or ""
