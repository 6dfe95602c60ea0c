"""Running one scenario on one nginx: does the problem show where it should, and nowhere else; does the remedy hold."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from pytest_mtls.errors import EngineLacksFeature, MtlsError, NginxLacksFeature
from pytest_mtls.explanation import conclusion
from pytest_mtls.harness import Harness
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.stage.scenario import Scenario
from pytest_mtls.stage.stage import Stage, Watch


class Verdict(str, Enum):
    """What a scenario came to."""

    SHOWS = "shows"
    """The problem is there, as it should be on this nginx; the safe set-up is safe."""
    ABSENT = "absent"
    """The same steps do not bring it about here, as it should be; the safe set-up is safe."""
    WRONG = "wrong"
    """Something else was seen than the scenario says."""
    NOT_APPLICABLE = "n/a"
    """This nginx or this engine cannot be asked."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One scenario on one nginx.

    Attributes:
        scenario: its name.
        nginx: the name it was asked for by.
        nginx_version: such as ``1.31.3``.
        openssl_version: such as ``3.3.7``.
        engine: ``process`` or ``docker``.
        verdict: what it came to.
        why: what was seen where it is wrong, what is missing where it is not applicable; else empty.
        seconds: how long it took.
    """

    scenario: str
    nginx: str
    nginx_version: str
    openssl_version: str
    engine: str
    verdict: Verdict
    why: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.scenario} on {self.nginx} (nginx {self.nginx_version}, OpenSSL {self.openssl_version})"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "verdict": str(self.verdict), "seconds": round(self.seconds, 3)}


def run(scenario: Scenario, harness: Harness, nginx: str, watch: Watch | None = None) -> Result:
    """Run a scenario; it leaves nothing behind.

    Args:
        scenario: which.
        harness: what runs nginx.
        nginx: on which, as ``--mtls-nginx`` names it.
        watch: entered with each server that is started, until it is stopped.

    Raises:
        NginxUnavailable: there is no such nginx.
    """
    build = Stage(harness, nginx).build
    started = time.monotonic()
    verdict, why = _judge(scenario, harness, nginx, build, watch)
    return Result(
        scenario=scenario.name,
        nginx=nginx,
        nginx_version=build.version,
        openssl_version=build.openssl_version,
        engine=harness.engine.name,
        verdict=verdict,
        why=why,
        seconds=time.monotonic() - started,
    )


def _judge(
    scenario: Scenario, harness: Harness, nginx: str, build: NginxBuild, watch: Watch | None
) -> tuple[Verdict, str]:
    if lack := scenario.lacking(build, harness.engine.name):
        return Verdict.NOT_APPLICABLE, lack
    try:
        shown = _play(scenario.problem, scenario, Stage(harness, nginx, watch))
        if not isinstance(shown, bool):
            raise _Wrong(f"problem() returned {shown!r}; it must say whether the problem showed, True or False")
        expected = scenario.shows.on(build)
        if expected is not None and shown is not expected:
            seen = "did not show" if expected else "showed"
            raise _Wrong(f"the problem {seen}, and SHOWS says {scenario.shows.text}")
        _play(scenario.safe, scenario, Stage(harness, nginx, watch))
    except (EngineLacksFeature, NginxLacksFeature) as error:
        return Verdict.NOT_APPLICABLE, error.lack
    except _Wrong as error:
        return Verdict.WRONG, str(error)
    return (Verdict.SHOWS if shown else Verdict.ABSENT), ""


class _Wrong(Exception):
    """Something else was seen than the scenario says."""


def _play(act: Callable[[Stage], Any], scenario: Scenario, stage: Stage) -> Any:
    with stage:
        try:
            return act(stage)
        except (EngineLacksFeature, NginxLacksFeature):
            raise
        except Exception as error:
            raise _Wrong(_told(act.__name__, scenario, stage, error)) from error


def _told(act: str, scenario: Scenario, stage: Stage, error: Exception) -> str:
    """Where it failed, at what, and what had been seen last."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == str(scenario.path)]
    where = f", line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    text = f"{act}() in {scenario.path.name}{where}"
    if isinstance(error, MtlsError):
        text += f"\n{error}"
    elif not isinstance(error, AssertionError):
        text += f"\n{type(error).__name__}: {error}"
    if stage.last is not None:
        text += f"\nThe last answer: {conclusion(stage.last)}"
    return text
