"""What each client is: found on this machine or not, asked a question, and read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pytest_mtls.clients.files import QuestionFiles
from pytest_mtls.clients.outcome import Shown
from pytest_mtls.engines.protocol import Address

_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client is to ask: one GET.

    Attributes:
        address: what is dialled; the name is ``localhost``.
        path: the request target.
        tls: the versions to offer, in ascending order.
        files: what it presents and trusts.
        seconds: after which it is killed.
    """

    address: Address
    path: str
    tls: tuple[str, ...]
    files: QuestionFiles
    seconds: float

    @property
    def url(self) -> str:
        """The whole address."""
        return f"https://localhost:{self.address.port}{self.path}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """For the programs that come with this package; the rest they find in the folder."""
        return (self.url, self.tls[0], self.tls[-1], str(self.files.folder), f"{self.seconds:g}")


@dataclass(frozen=True, slots=True)
class Found:
    """A client that is here.

    Attributes:
        version: its own, such as ``7.88.1``.
        program: what is run: an interpreter, a virtual machine or the client itself.
    """

    version: str
    program: Path


class Client(Protocol):
    """One client.

    Attributes:
        name: as it is asked for.
        description: a phrase for a human.
        oldest: the first version that can be asked all of it.
        packages: what installs it, see :mod:`pytest_mtls.clients.installing`.
    """

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def oldest(self) -> str: ...

    @property
    def packages(self) -> str: ...

    def found(self) -> Found | None:
        """Look for it; ``None`` where it is not here."""

    def ask(self, question: Question, found: Found) -> Shown:
        """Run it, and say what it showed."""


def is_older(version: str, oldest: str) -> bool:
    """Whether ``version`` comes before ``oldest``: ``1.9.2`` before ``1.10``."""
    return _numbers(version) < _numbers(oldest)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, _NUMBER.findall(version)))
