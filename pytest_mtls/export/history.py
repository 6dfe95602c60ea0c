"""What was asked of a server: enough of it to ask again elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_mtls.outcome import Layer, Outcome

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential

_MOST: Final = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that curl or openssl could make too.

    Attributes:
        credential: what was presented; ``None`` for nothing.
        method: of the request; ``""`` of a stream.
        path: the request target.
        server_name: the SNI; ``None`` for none.
        host: the Host field; ``None`` of a stream.
    """

    credential: Credential | None
    method: str
    path: str
    server_name: str | None
    host: str | None


class History:
    """The requests of one server, each once with its last answer, in the order in which they were first made.

    The first thirty are kept: a reproducer is for reading, and a run of ten thousand clients must not keep them all.
    """

    def __init__(self) -> None:
        self._answers: dict[Asked, Outcome | None] = {}

    @property
    def answers(self) -> dict[Asked, Outcome | None]:
        """Each request, and what nginx last made of it; ``None`` where the server was changed since."""
        return dict(self._answers)

    def noting(self, credential: Credential | None, note: Callable[[Outcome], Outcome]) -> Callable[[Outcome], Outcome]:
        """``note``, for a connection with that credential, with every outcome kept as well."""

        def keep(outcome: Outcome) -> Outcome:
            self._keep(credential, outcome)
            return note(outcome)

        return keep

    def forget_answers(self) -> None:
        """The server is another now."""
        self._answers = dict.fromkeys(self._answers)

    def _keep(self, credential: Credential | None, outcome: Outcome) -> None:
        story = outcome.story
        if story is None or story.resumed_from or outcome.layer is Layer.CLIENT or not story.url.startswith("https:"):
            return
        path = "/" + story.url.partition("://")[2].partition("/")[2]
        asked = Asked(credential, story.method, path, story.server_name, story.host)
        if asked in self._answers or len(self._answers) < _MOST:
            self._answers[asked] = outcome
