"""A browser that hangs, crashes, or outlives its process is ended, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from pytest_mtls import Browser, BrowserGone, BrowserUnavailable, DeadlineExceeded, InvalidArgument
from pytest_mtls.browser.programs import refuse_old
from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.guard import masters_of
from tests.browsing.conftest import Place, Traces

WAYS = ["chromium", pytest.param("playwright", marks=pytest.mark.long)]


@pytest.mark.parametrize("through", WAYS, indirect=True)
def test_one_that_hangs_is_ended_by_the_deadline(place: Place, through: str, traces: Traces) -> None:
    """Stopped between two pages; afterwards it says why it shows no more."""
    browser = Browser.open(place.optional, through=through)
    os.killpg(browser.pid, signal.SIGSTOP)

    with pytest.raises(DeadlineExceeded, match="Waited 1 s for the browser"):
        browser.visit("/", timeout=1)
    assert traces.left() == []
    with pytest.raises(BrowserGone, match=r"no more.*Waited 1 s"):
        browser.visit("/")
    with pytest.raises(BrowserGone, match="no more"):
        _ = browser.pid


@pytest.mark.parametrize("through", WAYS, indirect=True)
def test_one_that_is_killed_says_so(place: Place, through: str, traces: Traces) -> None:
    """The profile goes with it."""
    browser = Browser.open(place.optional, through=through)
    os.killpg(browser.pid, signal.SIGKILL)

    with pytest.raises(BrowserGone, match="was killed by SIGKILL"):
        browser.visit("/")
    assert traces.left() == []


def test_a_page_that_crashes_ends_the_browser(place: Place, traces: Traces) -> None:
    """Where the machine is short of memory, the page's own process is the first to go."""
    with Browser.open(place.optional) as browser:
        browser.visit("/")
        for pid in masters_of(f"{traces.folder}/"):
            if b"--type=renderer" in _command_line(pid):
                os.kill(pid, signal.SIGKILL)
        with pytest.raises(BrowserGone, match="page has crashed"):
            browser.visit("/again")


def test_a_slow_page_ends_with_its_deadline(place: Place, traces: Traces) -> None:
    """nginx waits for what is behind, and the browser for nginx."""
    with Browser.open(place.names_another_ca) as browser, pytest.raises(DeadlineExceeded, match=r"Waited 0\.001 s"):
        browser.visit("/", timeout=0.001)


def test_one_that_does_not_start_is_gone(place: Place, traces: Traces) -> None:
    """Something else of that name; what it said is told."""
    with pytest.raises(BrowserGone, match="ended with status 1"):
        Browser.open(place.on, chromium="false")
    with pytest.raises(BrowserGone, match="ended with status 1"):
        Browser.open(place.on, chromium="false", through="playwright")


def test_a_dead_process_leaves_neither_browser_nor_profile(place: Place, traces: Traces) -> None:
    """Killed at once, without a chance to clean up."""
    code = (
        "import os, signal\n"
        "from pytest_mtls import Browser, Harness\n"
        "server = Harness.open('process').nginx(verify='off')\n"
        "browser = Browser.open(server)\n"
        "browser.visit()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode

    assert died == -signal.SIGKILL
    wait_until(
        lambda: not traces.left(),
        Deadline.after(10),
        awaited="nothing to be left",
        last_seen=lambda: str(traces.left()),
    )


def test_what_is_missing_is_named_with_its_command(
    place: Place, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The programs, the package, and a version that is too old."""
    with pytest.raises(BrowserUnavailable, match=r"Looked for no-such-browser: not here.*apt-get install chromium"):
        Browser.open(place.on, chromium="no-such-browser")
    with pytest.raises(BrowserUnavailable, match=r"Chrome/109\.0\.5414\.119; 112 or later.*apt-get install"):
        refuse_old("Chrome/109.0.5414.119")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "playwright.async_api", None)
        with pytest.raises(BrowserUnavailable, match=r"pip install 'pytest-mtls\[browser\]'"):
            Browser.open(place.on, through="playwright")
    monkeypatch.setenv("PATH", str(traces.folder))
    with pytest.raises(BrowserUnavailable, match=r"certutil, pk12util: not here.*libnss3-tools"):
        Browser.open(place.on)


def test_what_cannot_be_asked(place: Place, traces: Traces) -> None:
    """Before a browser is started, or without touching it."""
    with pytest.raises(InvalidArgument, match="use one of 'chromium', 'playwright'"):
        Browser.open(place.on, through="selenium")
    with Browser.open(place.optional, through="playwright") as browser:
        with pytest.raises(InvalidArgument, match="begins with a slash"):
            browser.visit("https://example.com/")
        with pytest.raises(InvalidArgument, match="goes with through='chromium' only"):
            browser.visit("/", host="a.test")
    with pytest.raises(BrowserGone, match="was closed"):
        browser.visit("/")


def _command_line(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
