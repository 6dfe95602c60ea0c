"""What of this machine a browser with a certificate needs: Chromium, and the tools of its certificate store."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import Final

from pytest_mtls.errors import BrowserUnavailable

_CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL: Final = (
    "Debian: `apt-get install chromium libnss3-tools`; Fedora: `dnf install chromium nss-tools`; "
    "Alpine: `apk add chromium nss-tools`; Arch: `pacman -S chromium nss`"
)
_OLDEST: Final = 112
"""The first whose ``--headless`` can be the browser itself (``--headless=new``), and not another program."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the programs.

    Attributes:
        chromium: the browser.
        certutil: of NSS: puts authorities into its store.
        pk12util: of NSS: puts credentials into it.
    """

    chromium: str
    certutil: str
    pk12util: str

    @classmethod
    def found(cls, chromium: str | os.PathLike[str] | None = None) -> Programs:
        """Those on ``PATH``.

        Args:
            chromium: another Chromium, by its path.

        Raises:
            BrowserUnavailable: one is not here; the text has the command that installs it.
        """
        wanted = _CHROMIUM if chromium is None else (os.fspath(chromium),)
        browser = next(filter(None, map(shutil.which, wanted)), None)
        tools = {name: shutil.which(name) for name in ("certutil", "pk12util")}
        missing = [] if browser else [" or ".join(wanted)]
        missing += [name for name, path in tools.items() if path is None]
        if missing or browser is None:
            raise BrowserUnavailable(f"Looked for {', '.join(missing)}: not here. {_INSTALL}.")
        return cls(browser, str(tools["certutil"]), str(tools["pk12util"]))


def refuse_old(product: str) -> None:
    """Refuse a Chromium that is too old.

    Args:
        product: what it calls itself, such as ``Chrome/156.0.8078.79``.

    Raises:
        BrowserUnavailable: it is.
    """
    version = re.search(r"/(\d+)\.", product)
    if version and int(version[1]) < _OLDEST:
        raise BrowserUnavailable(f"This browser is {product}; {_OLDEST} or later is needed. {_INSTALL}.")
