"""A browser that shows the pages of one server, with one credential."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from pytest_mtls.browser.devtools import DevTools
from pytest_mtls.browser.page import Page
from pytest_mtls.browser.process import BrowserProcess, remove_profile
from pytest_mtls.browser.profile import Profile, furnish
from pytest_mtls.browser.programs import Programs
from pytest_mtls.browser.through_playwright import PlaywrightPage, context_options, require_playwright
from pytest_mtls.browser.witness import Witness
from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.cleanup import Guard, make_folder
from pytest_mtls.errors import BrowserGone, DeadlineExceeded, InvalidArgument
from pytest_mtls.pki.trustme import native
from pytest_mtls.probe.recorder import RECORD_HEADER
from pytest_mtls.unclosed import hold, release

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.trustme import TrustmeLeafCert
    from pytest_mtls.server import NginxServer

DEFAULT_SECONDS: Final = 30.0

_NETWORK_CHANGED: Final = "net::ERR_NETWORK_CHANGED"
"""Chromium drops what is under way when an interface of the machine comes or goes, as those of containers do."""


class Through(Enum):
    """Who makes the connections of a browser."""

    CHROMIUM = "chromium"
    """Chromium itself, as for a user: it looks for a certificate that the server's list of CAs admits."""
    PLAYWRIGHT = "playwright"
    """Playwright's driver (``client_certificates``): it presents the one it has."""

    def __str__(self) -> str:
        return self.value


class _Driven(Protocol):
    def visit(self, url: str, deadline: Deadline) -> Page: ...

    def close(self) -> None: ...


class Browser:
    """A Chromium without a window, with a profile of its own that is gone when it is closed.

    Make one with :meth:`open`, and close it or use it in a ``with`` statement::

        with Browser.open(server, credential=alice) as browser:
            page = browser.visit("/")
            assert page.status == 200

    Whatever name is asked for, it reaches the server and nothing else. One that does not answer in time, or crashes, is
    ended, and its profile removed; so is one whose process of Python dies.
    """

    def __init__(
        self, server: NginxServer, credential: Credential | None, through: Through, programs: Programs
    ) -> None:
        self._server = server
        self._credential = credential
        self._through = through
        self._programs = programs
        self._guard = Guard()
        self._process: BrowserProcess | None = None
        self._driven: _Driven | None = None
        self._ended = "This browser was closed; open another one."
        self._profile = Profile(make_folder())
        self._guard.watch_folder(self._profile.home)

    @classmethod
    def open(
        cls,
        server: NginxServer,
        *,
        credential: Credential | TrustmeLeafCert | None = None,
        through: Through | str = Through.CHROMIUM,
        chromium: str | os.PathLike[str] | None = None,
        timeout: float = DEFAULT_SECONDS,
    ) -> Browser:
        """Make a profile and start a browser in it; a second or two.

        Args:
            server: whose pages it shows; its authority is the one that the browser trusts.
            credential: the only certificate that it has; ``None`` for none.
            through: who makes the connections: ``"chromium"`` itself, or ``"playwright"``, with the extra ``browser``.
            chromium: the path of another Chromium or Chrome than the one on ``PATH``.
            timeout: seconds until it is there.

        Raises:
            BrowserUnavailable: a program or package is missing or too old; the text has the command that installs it.
            BrowserGone: the browser ended as it started.
            DeadlineExceeded: it did not start in time.
            InvalidArgument: the browser cannot have this credential.
            KeyMismatch: its key belongs to another certificate.
        """
        try:
            chosen = Through(through)
        except ValueError:
            raise InvalidArgument.not_one_of("through", through, Through) from None
        programs = Programs.found(chromium)
        if chosen is Through.PLAYWRIGHT:
            require_playwright()
        browser = cls(server, native(credential), chosen, programs)
        try:
            browser._start(Deadline.after(timeout))
        except BaseException:
            browser.close()
            raise
        hold(
            browser,
            what=f"a browser for {server.url}",
            advice="use Browser.open() in a `with` statement, or close() it",
            owner=server,
            close=browser.close,
        )
        return browser

    @property
    def pid(self) -> int:
        """The number of its main process, which leads the group of all of them.

        Raises:
            BrowserGone: it was closed.
        """
        if self._process is None:
            raise BrowserGone(self._ended)
        return self._process.pid

    def visit(self, path: str = "/", *, host: str | None = None, timeout: float = DEFAULT_SECONDS) -> Page:
        """Open a page, and look at it once it is loaded, with all that belongs to it.

        Where the machine's network changes meanwhile, Chromium drops the request, and it is sent again.

        Args:
            path: on the server, with its query.
            host: under which of the server's names, where it has several; through Chromium itself only.
            timeout: seconds until it is loaded. If it takes longer the browser is ended.

        Raises:
            DeadlineExceeded: it took longer.
            BrowserGone: the browser crashed, or was closed.
            InvalidArgument: the path does not begin with a slash, or the name cannot be used.
        """
        if not path.startswith("/"):
            raise InvalidArgument(f"visit({path!r}): a path on the server begins with a slash.")
        if self._driven is None:
            raise BrowserGone(self._ended)
        url, journal = self._url(host) + path, self._server.running.journal
        with journal.turn:
            witness = Witness(journal)
            page = self._shown(self._driven, url, Deadline.after(timeout))
            verify = None if page.status is None else witness.verify(page.status)
        return replace(
            page,
            verify=verify,
            withheld=self._credential is not None and verify == "NONE",
            forwarded=self._server.recorder.take(page.headers.get(RECORD_HEADER)),
        )

    def close(self) -> None:
        """End it and remove its profile. Doing so twice is no error."""
        release(self)
        driven, self._driven = self._driven, None
        process, self._process = self._process, None
        try:
            if process is not None:
                process.end()
            else:
                remove_profile(self._profile, self._guard)
        finally:
            if driven is not None:
                driven.close()
            self._guard.close()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _shown(self, driven: _Driven, url: str, deadline: Deadline) -> Page:
        try:
            while (page := driven.visit(url, deadline)).error == _NETWORK_CHANGED:
                continue
        except (BrowserGone, DeadlineExceeded) as error:
            self._ended = f"This browser is no more. {error}"
            self.close()
            raise
        return page

    def _start(self, deadline: Deadline) -> None:
        credential = self._credential
        own = self._through is Through.CHROMIUM
        furnish(self._profile, credential if own else None, self._server.trust, self._programs, deadline)
        if own:
            self._driven = self._start_on_a_socket(deadline)
        else:
            self._process = process = self._spawn()
            options = context_options(self._server.url, credential)
            self._driven = PlaywrightPage(process.port(deadline), options, process.how_it_ended, deadline)

    def _start_on_a_socket(self, deadline: Deadline) -> DevTools:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = process = self._spawn(talk=theirs)
            return DevTools(ours, process.how_it_ended, deadline)
        except BaseException:
            ours.close()
            raise

    def _spawn(self, **driven: Any) -> BrowserProcess:
        everywhere = f"--host-resolver-rules=MAP * {self._server.host}"
        return BrowserProcess(self._programs.chromium, self._profile, self._guard, everywhere, **driven)

    def _url(self, host: str | None) -> str:
        if host is None:
            return self._server.url
        if self._through is Through.PLAYWRIGHT:
            raise InvalidArgument(
                "visit(host=) goes with through='chromium' only: Playwright resolves names as this machine does."
            )
        url = urlsplit(self._server.url)
        return url._replace(netloc=f"{host}:{url.port}").geturl()

    def __repr__(self) -> str:
        return f"<Browser of {self._server.url} through {self._through}>"
