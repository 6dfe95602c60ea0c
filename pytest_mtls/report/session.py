"""The end of a session: servers stopped, the report written by whoever speaks to the user."""

from __future__ import annotations

from typing import Any, Final

import pytest

from pytest_mtls.options import option
from pytest_mtls.report.coverage import coverage, untested
from pytest_mtls.report.files import write_report
from pytest_mtls.report.header import header_lines
from pytest_mtls.report.record import Observation
from pytest_mtls.sessions import close, observations

NOT_TRIED: Final = "mtls_not_tried"
"""The property of a test that says what it could not try, for the summary and for JUnit XML."""

_LINES = pytest.StashKey[list[str]]()


def finish(config: pytest.Config) -> None:
    """Stop every server; a worker of xdist passes on what it saw, everybody else writes the report."""
    workeroutput = getattr(config, "workeroutput", None)
    if workeroutput is None:
        lines = config.stash.setdefault(_LINES, [])
        lines.extend(f"mtls: left up: {server}" for server in close(config))
        if path := option(config, "report"):
            # As typed where pytest was called, wherever a test may have gone since.
            seen = observations(config)
            write_report(config.invocation_params.dir / path, seen)
            cells = [cell for cell in coverage(seen) if cell.counts]
            left_out = f"{len(untested(cells))} of {len(cells)} cells (mode by credential) nobody tested"
            lines.append(f"mtls: {len(seen)} requests in {path}; {left_out}")
        return
    header = header_lines(config)
    left = close(config)
    workeroutput["mtls"] = {
        "header": header,
        "left": left,
        "observations": [each.to_json() for each in observations(config)],
    }


def take_over(config: pytest.Config, output: dict[str, Any]) -> None:
    """What a worker of xdist passed on."""
    observations(config).extend(Observation.from_json(values) for values in output["observations"])
    lines = config.stash.setdefault(_LINES, [])
    for line in [*output["header"], *(f"mtls: left up: {server}" for server in output["left"])]:
        if line not in lines:
            lines.append(line)


def summary_lines(config: pytest.Config) -> list[str]:
    """What a user should know at the end."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = [each for kind in ("passed", "failed") for each in reporter.stats.get(kind, [])] if reporter else []
    untried = (
        f"mtls: not tried: {said}"
        for report in reports
        for name, said in getattr(report, "user_properties", ())
        if name == NOT_TRIED
    )
    return [*config.stash.get(_LINES, []), *dict.fromkeys(untried)]
