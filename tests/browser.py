"""A real browser, without a window: the distribution's chromium, driven over WebDriver."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

REMEDY = "Debian: `apt-get install chromium chromium-driver`; `sudo make test` on Debian or Ubuntu does it"


class Page:
    """A file, as a reader has it before them."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver

    def open(self, path: Path, *, width: int = 1400, height: int = 900, dark: bool = False, media: str = "") -> None:
        """Load it."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
        self._driver.get(path.absolute().as_uri())

    def js(self, script: str, *arguments: Any) -> Any:
        """Run a script's body; returns what it returns."""
        return self._driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """What stands in the console since the last time."""
        return [str(entry["message"]) for entry in self._driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def all(self, selector: str) -> list[WebElement]:
        """Everything of that kind that can be seen."""
        return [each for each in self._driver.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()]

    def texts(self, selector: str) -> list[str]:
        """Their texts."""
        return [each.text for each in self.all(selector)]

    def choose(self, name: str, value: str) -> None:
        """Set a filter as a hand would."""
        field = self._driver.find_element(By.CSS_SELECTOR, f".filters [name={name}]")
        if field.tag_name == "select":
            field.find_element(By.XPATH, f"option[.='{value}']").click()
        elif field.get_attribute("type") == "checkbox":
            field.click()
        else:
            field.clear()
            field.send_keys(value)

    def point_at(self, element: WebElement) -> None:
        """Move the pointer there."""
        ActionChains(self._driver).move_to_element(element).perform()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        ActionChains(self._driver).send_keys(*keys).perform()

    @property
    def focused(self) -> WebElement:
        """Where the focus is."""
        return self._driver.switch_to.active_element

    @property
    def width(self) -> int:
        """How wide it is, scrolled or not."""
        return int(self.js("return document.scrollingElement.scrollWidth"))


def programs() -> tuple[str | None, str | None]:
    """The browser and its driver; ``None`` for what is not here."""
    return shutil.which("chromium"), shutil.which("chromedriver")


@contextmanager
def opened() -> Iterator[Page]:
    """A browser, closed in the end."""
    chromium, driver_program = programs()
    options = ChromeOptions()
    options.binary_location = str(chromium)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Containers of CI have neither user namespaces nor much of /dev/shm, and often run as root.
    unsandboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
    for argument in ("--headless", "--disable-gpu", "--disable-dev-shm-usage", *unsandboxed):
        options.add_argument(argument)
    # It leaves folders behind in what it takes for the temporary one.
    with TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        driver = Chrome(options=options, service=Service(driver_program, env={**os.environ, "TMPDIR": folder}))
        try:
            driver.set_page_load_timeout(20)
            driver.set_script_timeout(20)
            yield Page(driver)
        finally:
            driver.quit()


def refuse_or_skip(config: pytest.Config, skipped: pytest.StashKey[bool]) -> None:
    """Where there is no browser: fail if everything is required, else skip and remember to say so."""
    if all(programs()):
        return
    if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
        pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and there is no browser. {REMEDY}.", pytrace=False)
    config.stash[skipped] = True
    pytest.skip(f"no chromium with its chromedriver here. {REMEDY}.")
