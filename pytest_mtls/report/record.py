"""One outcome of one test, in a form that outlives the session and crosses processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pytest_mtls.outcome import Outcome
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.verdict import Verdict

_SUBJECTS = {f"CN={state}": state for state in CredentialState}


@dataclass(frozen=True, slots=True)
class Observation:
    """What one request of one test showed. The attributes are those of the outcome and its story."""

    test: str
    mode: str
    credential: str | None
    tls_version: str | None
    accepted: bool
    layer: str
    status: int | None
    internal_status: int | None
    verify: str | None
    verify_code: int | None
    reason: str | None
    alert: str | None
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
            accepted=outcome.accepted,
            layer=str(outcome.layer),
            status=outcome.status,
            internal_status=outcome.internal_status,
            verify=outcome.verify,
            verify_code=outcome.verify_code,
            reason=outcome.reason,
            alert=outcome.alert,
            nginx=outcome.nginx,
            openssl=outcome.openssl,
        )

    @property
    def state(self) -> CredentialState | None:
        """Which of the cast was shown; ``None`` for a credential of the suite's own.

        The cast is known by its subjects: the common name of each is its state's identifier.
        """
        return CredentialState.NONE if self.credential is None else _SUBJECTS.get(self.credential)

    @property
    def verdict(self) -> Verdict:
        """What nginx made of it."""
        return Verdict(
            accepted=self.accepted,
            layer=self.layer,
            status=self.status,
            internal_status=self.internal_status,
            verify=self.verify,
            verify_code=self.verify_code,
            reason=self.reason,
            alert=self.alert,
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Observation:
        """From the values of :meth:`to_json`."""
        return cls(**values)
