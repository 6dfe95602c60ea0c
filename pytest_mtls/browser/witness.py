"""What nginx says of the requests that a browser made: the browser itself does not tell what it presented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_mtls.deadline import Deadline

if TYPE_CHECKING:
    from pytest_mtls.engines.journal import Journal, Record

_GRACE: Final = 2.0


class Witness:
    """Looks at the records that one nginx writes from now on.

    Which port a browser uses it does not say, and it keeps connections: its requests are those that nginx writes down
    while it is asked. Whoever asks the same nginx at that moment can be taken for it.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        journal.read()
        self._seen = list(self._records())

    def verify(self, status: int) -> str | None:
        """``$ssl_client_verify`` of the first new request that had that status; ``None`` where there is none."""

        def found() -> Record | None:
            known = {id(each) for each in self._seen}
            return next((each for each in self._records() if id(each) not in known and each.status == status), None)

        record = self._journal.wait_for(found, Deadline.after(_GRACE))
        return record.variables.get("ssl_client_verify") if record else None

    def _records(self) -> Iterator[Record]:
        number = 0
        while (seen := self._journal.first_after(number)) is not None:
            number = seen.number
            yield from seen.records
