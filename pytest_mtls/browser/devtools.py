"""Chromium's own protocol for tools, on a socket that only this process has: ``--remote-debugging-pipe``.

Each message is JSON and ends with a zero byte. https://chromedevtools.github.io/devtools-protocol/ lists them; the
handful used here is older than every Chromium that is taken.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any, Final

from pytest_mtls.browser.page import Page
from pytest_mtls.browser.programs import refuse_old
from pytest_mtls.deadline import Deadline
from pytest_mtls.errors import BrowserGone
from pytest_mtls.headers import Headers

_READABLE: Final = "document.body ? document.body.innerText : ''"


class DevTools:
    """A browser's one window, driven from here.

    Args:
        talk: the socket.
        gone: says how the browser ended, once it has.

    Raises:
        BrowserUnavailable: the browser is too old.
        BrowserGone: it ended instead of answering.
        DeadlineExceeded: it did not answer.
    """

    def __init__(self, talk: socket.socket, gone: Callable[[], str], deadline: Deadline) -> None:
        self._talk = talk
        self._gone = gone
        self._received = b""
        self._count = 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        refuse_old(self._call("Browser.getVersion", deadline)["product"])
        target = self._call("Target.createTarget", deadline, url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", deadline, targetId=target, flatten=True)["sessionId"]
        for domain in ("Inspector", "Page", "Network"):
            self._call(f"{domain}.enable", deadline)

    def visit(self, url: str, deadline: Deadline) -> Page:
        """Open that page, and look at it once it is loaded."""
        self._events.clear()
        began = self._call("Page.navigate", deadline, url=url)
        response = None
        if began.get("loaderId"):
            self._wait_for("Page.loadEventFired", deadline)
            response = self._response(began["loaderId"])
        seen = self._call("Runtime.evaluate", deadline, expression=f"[location.href, {_READABLE}]", returnByValue=True)
        location, text = seen["result"]["value"]
        screenshot = self._call("Page.captureScreenshot", deadline)["data"]
        return Page(
            url=location if response else url,
            status=response["status"] if response else None,
            headers=Headers(response["headers"].items() if response else ()),
            text=text,
            error=began.get("errorText"),
            screenshot=base64.b64decode(screenshot),
        )

    def close(self) -> None:
        """Let go of the socket."""
        self._talk.close()

    def _response(self, loader: str) -> dict[str, Any] | None:
        """The last one to that navigation: after redirects."""
        for event in reversed(self._events):
            about = event["params"]
            if event["method"] == "Network.responseReceived" and about["requestId"] == loader:
                response: dict[str, Any] = about["response"]
                return response
        return None

    def _call(self, method: str, deadline: Deadline, **parameters: object) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        with self._connected(method, deadline):
            self._talk.sendall(json.dumps(message).encode() + b"\0")
        while (answer := self._next(method, deadline)).get("id") != self._count:
            self._events.append(answer)
        if "error" in answer:
            raise BrowserGone(f"Asked the browser for {method}, saw: {answer['error'].get('message')}.")
        result: dict[str, Any] = answer["result"]
        return result

    def _wait_for(self, event: str, deadline: Deadline) -> None:
        while not any(each.get("method") == event for each in self._events):
            self._events.append(self._next(event, deadline))

    def _next(self, awaited: str, deadline: Deadline) -> dict[str, Any]:
        """The next message of ours, or one about the browser itself."""
        while True:
            while b"\0" not in self._received:
                with self._connected(awaited, deadline):
                    data = self._talk.recv(1 << 20)
                if not data:
                    raise BrowserGone(self._gone())
                self._received += data
            line, _, self._received = self._received.partition(b"\0")
            message: dict[str, Any] = json.loads(line)
            if message.get("method") == "Inspector.targetCrashed":
                raise BrowserGone("The browser's page has crashed; where memory is short, give the machine more.")
            if "id" in message or message.get("sessionId") == self._session:
                return message

    @contextlib.contextmanager
    def _connected(self, awaited: str, deadline: Deadline) -> Any:
        last = str(self._events[-1].get("method")) if self._events else "nothing"
        if deadline.expired:
            raise deadline.exceeded(f"the browser ({awaited})", last)
        try:
            self._talk.settimeout(max(deadline.remaining, 0.001))
            yield
        except TimeoutError:
            raise deadline.exceeded(f"the browser ({awaited})", last) from None
        except OSError:
            raise BrowserGone(self._gone()) from None
