"""Which cells of the truth table a suite has tested, and which nobody did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pytest_mtls.nginx.spec import VerifyMode
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.record import Observation

OWN: Final = "own credentials"
"""Stands for every credential that is not of the cast."""

MODES: Final = tuple(str(mode) for mode in VerifyMode)
CREDENTIALS: Final = (OWN, *(str(state) for state in CredentialState))


@dataclass(frozen=True, slots=True)
class Coverage:
    """One cell: a credential in a mode, and what the suite saw of it.

    Attributes:
        mode: ``ssl_verify_client``.
        credential: the state's identifier, or :data:`OWN`.
        observations: in the order in which they were made; none where nobody tested it.
    """

    mode: str
    credential: str
    observations: tuple[Observation, ...]

    @property
    def counts(self) -> bool:
        """Whether it is a cell of the table: own credentials are no row of it, and cannot be missing."""
        return self.credential != OWN

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "mode": self.mode,
            "credential": self.credential,
            "requests": len(self.observations),
            "outcomes": list(dict.fromkeys(each.verdict.words for each in self.observations)),
            "tests": list(dict.fromkeys(each.test for each in self.observations)),
        }


def coverage(observations: Iterable[Observation]) -> list[Coverage]:
    """Every cell, credential by credential and mode by mode."""
    seen = defaultdict[tuple[str, str], list[Observation]](list)
    for each in observations:
        seen[each.mode, str(each.state or OWN)].append(each)
    return [Coverage(mode, credential, tuple(seen[mode, credential])) for credential in CREDENTIALS for mode in MODES]


def untested(cells: Iterable[Coverage]) -> list[Coverage]:
    """The cells of the table that nobody tested."""
    return [cell for cell in cells if cell.counts and not cell.observations]
