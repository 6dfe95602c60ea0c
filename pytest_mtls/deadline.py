"""The one way to wait: for a condition, until a deadline, remembering what was seen last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pytest_mtls.errors import DeadlineExceeded

T = TypeVar("T")

_FIRST_PAUSE = 0.000_2
_LONGEST_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which nothing is waited for any more.

    Attributes:
        seconds: how long was allowed, for the error text.
        expires: that moment on the clock of :func:`time.monotonic`.
    """

    seconds: float
    expires: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment ``seconds`` from now."""
        return cls(seconds, time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.expires - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() >= self.expires

    def within(self, seconds: float) -> Deadline:
        """This deadline, or ``seconds`` from now if that is sooner."""
        return Deadline.after(min(seconds, self.remaining))

    def exceeded(self, awaited: str, last_seen: str = "nothing") -> DeadlineExceeded:
        """The error to raise once it has passed."""
        return DeadlineExceeded(f"Waited {self.seconds:g} s for {awaited}; last seen: {last_seen}.")


def wait_until(
    condition: Callable[[], T | None],
    deadline: Deadline,
    *,
    awaited: str,
    last_seen: Callable[[], str] = lambda: "nothing",
) -> T:
    """Ask ``condition`` until it answers something true.

    The pauses grow from a fifth of a millisecond to twenty milliseconds: nginx starts in ten milliseconds, an engine in
    hundreds.

    Raises:
        DeadlineExceeded: it never did; the text carries ``awaited`` and ``last_seen()``.
    """
    pause = _FIRST_PAUSE
    while True:
        if answer := condition():
            return answer
        if deadline.expired:
            raise deadline.exceeded(awaited, last_seen())
        time.sleep(min(pause, deadline.remaining))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
