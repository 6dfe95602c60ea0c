"""Known regressions as items of a user's own suite: ``pytest --mtls-scenarios``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import options
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.sessions import harness_of, watched
from pytest_mtls.stage.catalogue import chosen
from pytest_mtls.stage.running import Verdict, run
from pytest_mtls.stage.scenario import Scenario

_NODE = "mtls-scenarios"


class ScenarioFailed(Exception):
    """A scenario came to something else than it says."""


class Scenarios(pytest.Collector):
    """All that were asked for, on each nginx of the session."""

    def collect(self) -> Iterable[pytest.Item]:
        """One item for each scenario and nginx."""
        return list(self._items())

    def _items(self) -> Iterator[pytest.Item]:
        for scenario in chosen(options.scenario_names(self.config) or ()):
            for nginx in options.nginx_names(self.config) or [BUNDLED]:
                name = f"{scenario.name}[{nginx}]"
                yield ScenarioItem.from_parent(self, name=name, scenario=scenario, nginx=nginx)


class ScenarioItem(pytest.Item):
    """One scenario on one nginx."""

    # What the session makes ready for tests that use these fixtures, it makes ready for this one too.
    fixturenames = ("mtls_engine",)

    def __init__(self, *, scenario: Scenario, nginx: str, **node: Any) -> None:
        super().__init__(**node)
        self._scenario = scenario
        self._nginx = nginx

    def runtest(self) -> None:
        """Run it; where this nginx or engine cannot be asked, that is a skip with the reason."""
        harness = harness_of(self.config)
        result = run(self._scenario, harness, self._nginx, watch=lambda server: watched(self, server))
        if result.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(result.why)
        if result.verdict is Verdict.WRONG:
            raise ScenarioFailed(f"{result}: {result.why}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was seen, without the frames that led there."""
        if isinstance(excinfo.value, ScenarioFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The scenario's own file."""
        return self._scenario.path, 0, self.name


def with_scenarios(session: pytest.Session, report: pytest.CollectReport) -> pytest.CollectReport:
    """What a session collected, and the scenarios after it."""
    if report.passed:
        report.result = [*report.result, Scenarios.from_parent(session, name=_NODE, nodeid=_NODE)]
    return report
