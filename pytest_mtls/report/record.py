"""One outcome of one test, in a form that outlives the session and crosses processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from pytest_mtls.outcome import Outcome
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.verdict import Verdict

_SUBJECTS = {f"CN={state}": state for state in CredentialState}


@dataclass(frozen=True, slots=True)
class Observation:
    """What one request of one test showed. The attributes are those of the outcome and its story.

    Attributes:
        verdict: what nginx made of it.
    """

    test: str
    mode: str
    credential: str | None
    tls_version: str | None
    verdict: Verdict
    nginx: str
    openssl: str

    @classmethod
    def of(cls, test: str, outcome: Outcome) -> Observation:
        """The part of an outcome worth keeping."""
        story = outcome.story
        return cls(
            test=test,
            mode=story.mode if story else "",
            credential=story.credential if story else None,
            tls_version=outcome.tls_version,
            verdict=Verdict.of(outcome),
            nginx=outcome.nginx,
            openssl=outcome.openssl,
        )

    @property
    def state(self) -> CredentialState | None:
        """Which of the cast was shown; ``None`` for a credential of the suite's own.

        The cast is known by its subjects: the common name of each is its state's identifier.
        """
        return CredentialState.NONE if self.credential is None else _SUBJECTS.get(self.credential)

    def to_json(self) -> dict[str, Any]:
        """As plain values, on one level."""
        values: dict[str, Any] = {}
        for name, value in asdict(self).items():
            values |= value if name == "verdict" else {name: value}
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Observation:
        """From the values of :meth:`to_json`."""
        of_verdict = {each.name: values[each.name] for each in fields(Verdict)}
        rest = {name: value for name, value in values.items() if name not in of_verdict}
        return cls(verdict=Verdict(**of_verdict), **rest)
