"""The processes of one browser, started together and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Final

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.cleanup import Guard, remove_folder
from pytest_mtls.engines.guard import masters_of
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.errors import BrowserGone

if TYPE_CHECKING:
    from pytest_mtls.browser.profile import Profile

_ENDING_SECONDS: Final = 10.0

_ARGUMENTS: Final = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    # Whoever drives it opens the one it needs: Playwright sometimes waits for ever for one that is about to come up.
    "--no-startup-window",
    "--password-store=basic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    # A sandbox needs user namespaces, which containers of CI have not, and refuses root. Playwright goes without one
    # too; this browser reaches nothing but the test's own server.
    "--no-sandbox",
    # Containers of CI have little of it.
    "--disable-dev-shm-usage",
)
_ON_THREE_AND_FOUR: Final = 'exec "$0" "$@" 3<&0 4<&0 0</dev/null'
"""Chromium reads commands from descriptor 3 and answers on 4; ``subprocess`` can choose the number of 0 alone."""


class BrowserProcess:
    """One Chromium, the leader of a process group that holds all of it.

    Args:
        program: its path.
        profile: where it lives; the folder goes with it.
        guard: ends it should this process die.
        arguments: further ones.
        talk: what it is driven by, where that is a socket; else it listens on a port of its own choice.

    Raises:
        LimitReached: no process can be started.
    """

    def __init__(
        self, program: str, profile: Profile, guard: Guard, *arguments: str, talk: socket.socket | None = None
    ) -> None:
        self._profile = profile
        self._guard = guard
        driven = "--remote-debugging-pipe" if talk else "--remote-debugging-port=0"
        command = [program, *_ARGUMENTS, driven, f"--user-data-dir={profile.user_data}", *arguments]
        with within_limits("start a browser"), open(profile.errors, "wb") as errors:
            self._process = subprocess.Popen(
                ["sh", "-c", _ON_THREE_AND_FOUR, *command] if talk else command,
                stdin=talk.fileno() if talk else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=profile.environment,
                cwd=profile.home,
                start_new_session=True,
            )
        guard.watch_process(self._process.pid)

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._process.pid

    def how_it_ended(self) -> str:
        """One sentence, for an error."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        status = self._process.poll()
        if status is None:
            how = "no longer answers"
        elif status < 0:
            how = f"was killed by {signal.Signals(-status).name}"
        else:
            how = f"ended with status {status}"
        return f"The browser {how}; its last words: {self._profile.last_words()}. Open another one."

    def port(self, deadline: Deadline) -> int:
        """The port it listens on.

        Raises:
            BrowserGone: it ended instead.
            DeadlineExceeded: it does not listen.
        """
        file = self._profile.user_data / "DevToolsActivePort"

        def written() -> int | None:
            if self._process.poll() is not None:
                raise BrowserGone(self.how_it_ended())
            with contextlib.suppress(OSError, ValueError):
                number, rest, _ = file.read_text().partition("\n")
                return int(number) if rest else None
            return None

        return wait_until(written, deadline, awaited="the browser to listen", last_seen=self._profile.last_words)

    def end(self) -> None:
        """Kill all of it, and remove its profile: there is nothing in it that anybody wants. Twice is no error."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING_SECONDS)
        self._guard.forget_process(self._process.pid)
        remove_profile(self._profile, self._guard)


def remove_profile(profile: Profile, guard: Guard) -> None:
    """Remove it for good: processes that are about to die may still write into it.

    Raises:
        DeadlineExceeded: it does not go.
    """

    def removed() -> bool:
        remove_folder(profile.home)
        # What would report crashes is in no group of the browser's, and ends by itself once that is gone.
        return not profile.home.exists() and not masters_of(str(profile.home))

    wait_until(removed, Deadline.after(_ENDING_SECONDS), awaited=f"the browser's profile {profile.home} to be gone")
    guard.forget_folder(profile.home)
