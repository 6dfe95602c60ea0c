"""The command that installs a client, on the system that this is."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping
from typing import Final

_INSTALL: Final = {
    "debian": "apt-get install",
    "alpine": "apk add",
    "fedora": "dnf install",
    "arch": "pacman -S",
    "suse": "zypper install",
}
_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "curl": {},
    "openssl": {},
    "golang": {"debian": "golang-go", "alpine": "go", "arch": "go", "suse": "go"},
    "nodejs": {},
    "java": {
        "debian": "default-jdk-headless",
        "alpine": "openjdk17",
        "fedora": "java-latest-openjdk-devel",
        "arch": "jdk-openjdk",
        "suse": "java-17-openjdk-devel",
    },
}
"""What each is called by distribution, where that is not this name."""


def install_command(packages: str, system: str | None = None) -> str:
    """A command for a shell.

    Args:
        packages: ``curl``, ``openssl``, ``golang``, ``nodejs``, ``java``, or ``pip:NAME`` for one of the package index.
        system: ``ID`` and ``ID_LIKE`` of os-release(5); this machine's by default.
    """
    if packages.startswith("pip:"):
        return f"{shlex.quote(sys.executable)} -m pip install {packages.removeprefix('pip:')}"
    kinds = _this_system() if system is None else system
    kind = next((each for each in _INSTALL if each in kinds), None)
    if kind is None:
        return f"your package manager: {packages}"
    name = _NAMES[packages].get(kind, packages)
    return f"sudo sh -c '{_INSTALL[kind]} {name}'"


def _this_system() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return f"{release.get('ID', '')} {release.get('ID_LIKE', '')}"
