"""Where packages come from: what this machine's own apt is set up with, so that no host is named here."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.errors import NginxUnavailable

VARIABLE: Final = "PYTEST_MTLS_DEBIAN_MIRROR"
_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SECONDS: Final = 30
# mmdebstrap starts from an empty apt configuration; these settings say how this machine reaches its mirror.
_INHERITED: Final = re.compile(r'Acquire::(?:https?::[\w:-]+|Retries|ForceIPv[46]|Check-Date) "[^"]+";')


@dataclass(frozen=True, slots=True)
class Mirror:
    """A Debian mirror.

    Attributes:
        main: URL of the archive.
        security: URL of the security archive; ``None`` where the machine uses none.
        options: apt settings needed to reach it.
    """

    main: str
    security: str | None = None
    options: tuple[str, ...] = ()

    def sources(self, suite: str) -> list[str]:
        """Lines of a sources.list for one release. Signatures are checked against Debian's own keys."""
        signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
        lines = [f"deb {signed}{self.main} {suite} main"]
        if self.security:
            lines.append(f"deb {signed}{self.security} {suite}-security main")
        return lines


def find_mirror() -> Mirror:
    """The mirror that this machine uses, or the one that the environment names.

    Raises:
        NginxUnavailable: neither is a Debian mirror.
    """
    if named := os.environ.get(VARIABLE, "").split():
        return Mirror(named[0], named[1] if len(named) > 1 else None, _options())
    format_ = "$(REPO_URI)|$(ORIGIN)|$(LABEL)"
    targets = _ask("apt-get", "indextargets", "--format", format_, "Created-By: Packages")
    main = security = None
    for line in targets.splitlines():
        uri, origin, label = line.split("|")
        # Before the first `apt-get update` origin and label are not known; what the address ends in is.
        ending = uri.rstrip("/").rpartition("/")[2]
        if label == "Debian-Security" or ending == "debian-security":
            security = security or uri
        elif (origin, label) == ("Debian", "Debian") or ending == "debian":
            main = main or uri
    if main is None:
        raise NginxUnavailable(
            "Looked for a Debian mirror in this machine's apt configuration, and there is none, so nginx cannot be "
            f"built from Debian's packages. Name one in {VARIABLE} (URL of the archive, then of its security archive)."
        )
    return Mirror(main, security, _options())


def _options() -> tuple[str, ...]:
    return tuple(line for line in _ask("apt-config", "dump", "Acquire").splitlines() if _INHERITED.fullmatch(line))


def _ask(*command: str) -> str:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NginxUnavailable(
            f"Building nginx from Debian's packages needs apt, and running {command[0]} failed: {error}. "
            "Use the bundled nginx, a binary of your own, or an image."
        ) from error
    # A `$(FIELD)` that apt does not know comes back as it is.
    return re.sub(r"\$\([A-Z_]+\)", "", answer.stdout)
