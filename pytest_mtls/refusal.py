"""An nginx that does not start, as a value: for tests in which that is the right answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_mtls.engines.failures import emergencies
from pytest_mtls.errors import NginxLacksFeature, NginxStartError


@dataclass(frozen=True, slots=True)
class StartRefusal:
    """Why an nginx does not start.

    Attributes:
        reason: nginx's ``[emerg]`` lines without time and process number; or what this nginx lacks, where that is known
            before it is started, and then ``config`` is empty.
        log: what nginx logged.
        config: the nginx.conf it was given.
    """

    reason: str
    log: tuple[str, ...] = field(default=(), repr=False)
    config: str = field(default="", repr=False)


def refusal_of(start: Callable[[], object]) -> StartRefusal | None:
    """What comes of starting an nginx: ``None`` where it starts. All but a refusal is raised as ever."""
    try:
        start()
    except NginxStartError as error:
        return StartRefusal("; ".join(emergencies(error.log)) or str(error), error.log, error.config)
    except NginxLacksFeature as error:
        return StartRefusal(error.lack)
    return None
