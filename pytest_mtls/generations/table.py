"""Which generations there are: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Generation:
    """An nginx as one Debian release packages it.

    Attributes:
        suite: the release, which is also the name to ask for.
        package: what brings the binary.
        nginx: the version it is expected to be.
        openssl: the release series of the OpenSSL it runs with; security updates move the last number.
    """

    suite: str
    package: str
    nginx: str
    openssl: str


# bullseye's `nginx` pulls image filters and X11 along; nginx-light has all that is needed here in a third of the size.
_ROWS: Final = (
    Generation("bullseye", "nginx-light", "1.18.0", "1.1.1"),
    Generation("bookworm", "nginx", "1.22.1", "3.0"),
    Generation("trixie", "nginx", "1.26.3", "3.5"),
    Generation("forky", "nginx", "1.30", "3.6"),
)

GENERATIONS: Final = MappingProxyType({row.suite: row for row in _ROWS})
"""By name, oldest first. forky is not released, so its nginx still moves and only the branch is expected."""
