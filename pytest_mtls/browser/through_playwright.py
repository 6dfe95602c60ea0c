"""The same browser, driven by Playwright, which makes the connections in its place (``client_certificates``).

Chromium then talks to a proxy within Playwright's driver, and that presents the certificate: to whatever asks for one,
whichever authorities it names. Playwright is asynchronous here and has a thread of its own, so that it goes with tests
that are coroutines, and with those that use Playwright themselves.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_mtls.browser.page import Page
from pytest_mtls.deadline import Deadline
from pytest_mtls.errors import BrowserGone, BrowserUnavailable
from pytest_mtls.headers import Headers

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential

T = TypeVar("T")

_ENDING_SECONDS: Final = 5.0


def context_options(url: str, credential: Credential | None) -> dict[str, Any]:
    """Arguments for Playwright's ``browser.new_context()``.

    Its driver knows nothing of the authority that the test's server is under, and takes no other from Python.
    """
    options: dict[str, Any] = {"base_url": url, "ignore_https_errors": True}
    if credential is not None:
        shown = {"origin": url, "cert": credential.chain_pem, "key": credential.private_key_pem}
        options["client_certificates"] = [shown]
    return options


class PlaywrightPage:
    """One page of a context in a browser that listens already.

    Args:
        port: where it listens.
        options: of the context.
        gone: says how the browser ended, once it has.
        deadline: for all of it.

    Raises:
        BrowserUnavailable: Playwright is not installed.
        BrowserGone: the browser ended.
        DeadlineExceeded: it did not answer.
    """

    def __init__(self, port: int, options: dict[str, Any], gone: Callable[[], str], deadline: Deadline) -> None:
        require_playwright()
        self._gone = gone
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pytest-mtls playwright", daemon=True)
        self._thread.start()
        self._driver: Any = None
        try:
            self._page = self._run(self._open(port, options, deadline), deadline)
        except BaseException:
            self.close()
            raise

    def visit(self, url: str, deadline: Deadline) -> Page:
        """Open that page, and look at it once it is loaded."""
        return self._run(self._visit(url, deadline), deadline)

    def close(self) -> None:
        """End Playwright's driver and the thread."""
        if self._driver is not None:
            stopping = asyncio.run_coroutine_threadsafe(self._driver.stop(), self._loop)
            with contextlib.suppress(Exception):
                stopping.result(_ENDING_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ENDING_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    async def _open(self, port: int, options: dict[str, Any], deadline: Deadline) -> Any:
        from playwright.async_api import async_playwright

        self._driver = await async_playwright().start()
        browser = await self._driver.chromium.connect_over_cdp(
            f"http://127.0.0.1:{port}", timeout=deadline.remaining * 1000
        )
        context = await browser.new_context(**options)
        return await context.new_page()

    async def _visit(self, url: str, deadline: Deadline) -> Page:
        from playwright.async_api import Error, TimeoutError

        response, error = None, None
        try:
            response = await self._page.goto(url, timeout=deadline.remaining * 1000)
        except TimeoutError:
            raise
        except Error as failed:
            error = _net_error(failed.message)
            if error is None:
                raise
            # Chromium puts a page of its own in place of the one that failed, which Playwright does not wait for.
            await self._page.wait_for_load_state(timeout=deadline.remaining * 1000)
        return Page(
            url=self._page.url if response else url,
            status=response.status if response else None,
            headers=Headers((await response.all_headers()).items() if response else ()),
            text=await self._page.inner_text("body", timeout=deadline.remaining * 1000),
            error=error,
            screenshot=await self._page.screenshot(timeout=deadline.remaining * 1000),
        )

    def _run(self, work: Coroutine[Any, Any, T], deadline: Deadline) -> T:
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(max(deadline.remaining, 0.001))
        except concurrent.futures.TimeoutError:
            running.cancel()
            raise deadline.exceeded("the browser, through Playwright") from None
        except Exception as failed:
            if type(failed).__module__.partition(".")[0] != "playwright":
                raise
            if type(failed).__name__ == "TimeoutError":
                raise deadline.exceeded("the browser, through Playwright") from None
            raise BrowserGone(f"{self._gone()} Playwright says: {str(failed).splitlines()[0]}") from failed


def require_playwright() -> None:
    """Say so early where Playwright is not installed.

    Raises:
        BrowserUnavailable: it is not.
    """
    try:
        import playwright.async_api  # noqa: F401
    except ImportError as error:
        raise BrowserUnavailable(
            f"Tried to drive a browser through Playwright, saw: {error}. `pip install 'pytest-mtls[browser]'` brings "
            "it; its own browsers are not needed."
        ) from error


def _net_error(message: str) -> str | None:
    """``net::ERR_...`` of Playwright's sentence."""
    return next((word.rstrip(".") for word in message.split() if word.startswith("net::")), None)
