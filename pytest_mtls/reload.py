"""Giving a running nginx other files, and knowing for certain whether it took them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.failures import emergencies
from pytest_mtls.engines.protocol import RunningNginx
from pytest_mtls.errors import ServerGone
from pytest_mtls.nginx.spec import ServerSpec


@dataclass(frozen=True, slots=True)
class Reload:
    """What became of an ``update()``.

    Attributes:
        applied: whether new workers took over; otherwise the old ones go on with the old configuration.
        reason: what nginx objected to, else ``None``.
        config: the nginx.conf it was given.
        log: what nginx logged meanwhile.
    """

    applied: bool
    reason: str | None
    config: str
    log: tuple[str, ...]


def reload(running: RunningNginx, specs: Sequence[ServerSpec], deadline: Deadline) -> Reload:
    """Replace the files, send HUP, and wait until the old workers are gone or nginx has refused.

    nginx starts new workers and waits 100 ms before it retires the old ones (``ngx_master_process_cycle``); until then
    they go on answering. Files that were refused are put back.

    Raises:
        ServerGone: nginx does not run, or ended meanwhile.
        DeadlineExceeded: old workers stayed.
    """
    journal = running.journal
    if (ended := running.exit_reason()) is not None:
        raise ServerGone(f"nginx is not running any more ({ended}), so there is nothing to reload.", log=journal.lines)
    journal.read()
    seen, old = len(journal.lines), journal.workers
    former = running.write(specs, deadline)
    given = running.bundle.config
    running.signal_reload(deadline)

    def settled() -> str | None:
        if emergencies(journal.lines[seen:]):
            return "refused"
        if journal.workers - old and not journal.workers & old:
            return "applied"
        return "gone" if running.exit_reason() else None

    verdict = journal.wait_for(settled, deadline)
    log = journal.lines[seen:]
    if verdict == "refused":
        running.restore(former, deadline)
        return Reload(False, "; ".join(emergencies(log)), given, log)
    if verdict == "applied":
        return Reload(True, None, given, log)
    if verdict == "gone":
        raise ServerGone("nginx ended while it was told to reload.", log=log, config=given)
    raise deadline.exceeded(
        f"old workers {sorted(journal.workers & old)} to end after a reload "
        "(they stay while a connection of theirs is in use)",
        "\n".join(log[-5:]) or "nothing in the log",
    )
