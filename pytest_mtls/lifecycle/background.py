"""Something done again and again beside a test, on a thread that ends when the test says so, or fails aloud."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pytest_mtls.deadline import Deadline


class Background:
    """Does ``act`` every ``every`` seconds until it is stopped or fails.

    Attributes:
        error: what ``act`` raised; it is not done again after that.
    """

    def __init__(self, act: Callable[[], None], *, every: float, name: str) -> None:
        self.error: BaseException | None = None
        self._act = act
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pytest-mtls {name}", daemon=True)
        self._name = name

    @property
    def is_stopping(self) -> bool:
        """Whether the test waits for it to end."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let it finish what it is doing, and wait for that.

        Raises:
            DeadlineExceeded: it is still doing it after ``timeout`` seconds.
        """
        self._stopping.set()
        deadline = Deadline.after(timeout)
        self._thread.join(deadline.remaining)
        if self._thread.is_alive():
            raise deadline.exceeded(f"{self._name} to end", "it was still at work")

    def raise_error(self) -> None:
        """Raise what went wrong on the thread, if anything did."""
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._every):
                self._act()
        except BaseException as error:  # it belongs to whoever waits, not to the thread
            self.error = error
