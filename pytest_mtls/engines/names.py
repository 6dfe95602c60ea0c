"""Names of nginx that mean the same in every engine."""

from __future__ import annotations

from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.generations.table import GENERATIONS


def known_names() -> str:
    """All of them, for an error text."""
    return ", ".join((BUNDLED, *GENERATIONS))


def looks_like_a_binary(nginx: str) -> bool:
    """Whether a name means a file on this machine rather than an image."""
    return nginx.startswith(("/", "./", "../", "~"))
