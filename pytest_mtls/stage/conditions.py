"""Where a problem shows, and what a scenario needs: data, so that both are known before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.build import NginxBuild

_VERSION: Final = re.compile(r"\d+(\.\d+){1,2}")


@dataclass(frozen=True, slots=True)
class Where:
    """Which nginx show a problem.

    Attributes:
        text: the same for a human, such as ``since nginx 1.23.2``.
        on: whether that nginx must show it; ``None`` where its version does not tell.
    """

    text: str
    on: Callable[[NginxBuild], bool | None]


everywhere: Final = Where("every nginx", lambda build: True)
"""Every nginx shows it: it lies in the set-up, or in nginx's design."""


def since(version: str) -> Where:
    """That nginx and newer ones.

    Raises:
        InvalidArgument: this is no version.
    """
    numbers = _numbers("since", version)
    return Where(f"since nginx {version}", lambda build: build.at_least(*numbers))


def before(version: str) -> Where:
    """nginx older than that one.

    Raises:
        InvalidArgument: this is no version.
    """
    numbers = _numbers("before", version)
    return Where(f"before nginx {version}", lambda build: not build.at_least(*numbers))


def openssl_since(version: str) -> Where:
    """nginx that runs with that OpenSSL or a newer one.

    Raises:
        InvalidArgument: this is no version.
    """
    numbers = _numbers("openssl_since", version)
    return Where(f"since OpenSSL {version}", lambda build: build.openssl_at_least(*numbers))


def openssl_before(version: str) -> Where:
    """nginx that runs with an OpenSSL older than that one.

    Raises:
        InvalidArgument: this is no version.
    """
    numbers = _numbers("openssl_before", version)
    return Where(f"before OpenSSL {version}", lambda build: not build.openssl_at_least(*numbers))


def unless_patched(where: Where) -> Where:
    """As ``where``, but distributions change that without changing the version: there either answer is right, and what
    is seen says which it is."""
    return Where(f"{where.text}, by patch level", lambda build: None if where.on(build) else False)


@dataclass(frozen=True, slots=True)
class Need:
    """What a scenario cannot do without.

    Attributes:
        lacking: what that nginx on that engine lacks, as a clause; ``None`` where it has it.
    """

    lacking: Callable[[NginxBuild, str], str | None]


def needs_nginx(version: str, what: str) -> Need:
    """Something that nginx has since that version.

    Raises:
        InvalidArgument: this is no version.
    """
    numbers = _numbers("needs_nginx", version)
    return Need(
        lambda build, engine: (
            None if build.at_least(*numbers) else f"nginx {build.version} has no {what}: nginx has it since {version}"
        )
    )


def needs_process_engine(what: str) -> Need:
    """Something that containers cannot do."""
    return Need(
        lambda build, engine: (
            None if engine == "process" else f"{what}, which cannot be done in a container: use --engine process"
        )
    )


def _numbers(act: str, version: object) -> tuple[int, ...]:
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise InvalidArgument(f"{act}({version!r}): that is no version; write it as '1.23.2'.")
    return tuple(int(each) for each in version.split("."))
