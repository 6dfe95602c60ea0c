"""The pytest plugin: hooks, nothing else. What they do lives in ``options``, ``marking``, ``sessions`` and ``report``.

Every import of this package stands inside the hook that needs it: a suite that has the plugin installed and does not
use it loads this file, ``fixtures`` and ``options`` only.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mtls import options
from pytest_mtls.fixtures import (
    _mtls_harness,
    _mtls_pool,
    mtls_ca,
    mtls_credentials,
    mtls_engine,
    mtls_nginx,
    mtls_nginx_factory,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "_mtls_harness",
    "_mtls_pool",
    "mtls_ca",
    "mtls_credentials",
    "mtls_engine",
    "mtls_nginx",
    "mtls_nginx_factory",
]

_USED = pytest.StashKey[bool]()
_BEFORE_SETUP = pytest.StashKey[int]()
_BEFORE_CALL = pytest.StashKey[int]()
_UNCLOSED = "pytest_mtls.unclosed"
_FIXTURE_PREFIX = ("mtls_", "_mtls_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Make the options known."""
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and refuse options that cannot be before anything has run."""
    config.addinivalue_line(
        "markers", "mtls(verify='on', ...): how mtls_nginx is to be set up; a list makes a test for each value."
    )
    options.check(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn lists in the marker into parameters, and refuse a marker that cannot be."""
    names = metafunc.fixturenames
    if "mtls_nginx" in names or "mtls_nginx_factory" in names or metafunc.definition.get_closest_marker("mtls"):
        from pytest_mtls.marking import parametrize

        parametrize(metafunc, options.nginx_names(metafunc.config))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Add known regressions and audits to what the session collects, where they are asked for."""
    report = yield
    if isinstance(collector, pytest.Session) and options.scenario_names(collector.config) is not None:
        from pytest_mtls.scenario_items import with_scenarios

        report = with_scenarios(collector, report)
    if isinstance(collector, pytest.Session) and options.audited(collector.config):
        from pytest_mtls.audit_items import with_audits

        report = with_audits(collector, report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Learn what the session will need, so that it is started together; first, as pytest's own asks for the header."""
    used = any(name.startswith(_FIXTURE_PREFIX) for item in session.items for name in getattr(item, "fixturenames", ()))
    session.config.stash[_USED] = used
    if used:
        from pytest_mtls.sessions import announce

        announce(session.config, session.items)


def pytest_report_collectionfinish(config: pytest.Config) -> Sequence[str]:
    """Say which engine and which nginx, and why; silent for a suite that uses neither, and where nothing will run."""
    given = config.option
    only_looking = given.collectonly or given.showfixtures or given.show_fixtures_per_test or given.setupplan
    if not config.stash.get(_USED, False) or only_looking or given.no_header or config.get_verbosity() < 0:
        return []
    from pytest_mtls.report.header import header_lines

    return header_lines(config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Skip a test whose shared server the nginx at hand cannot be, where that is wished."""
    item.stash[_BEFORE_SETUP] = _opened_so_far()
    return (yield from _skipping_what_is_missing(item.config))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """The same for what a test asks while it runs."""
    item.stash[_BEFORE_CALL] = _opened_so_far()
    return (yield from _skipping_what_is_missing(item.config))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Close what a test left open, and name it; after its fixtures, which may close it yet."""
    try:
        return (yield)
    finally:
        if _UNCLOSED in sys.modules:
            from pytest_mtls.sessions import close_left_open

            close_left_open(item, item.stash.get(_BEFORE_SETUP, 0), item.stash.get(_BEFORE_CALL, sys.maxsize))


def _opened_so_far() -> int:
    return sys.modules[_UNCLOSED].mark() if _UNCLOSED in sys.modules else 0


def _skipping_what_is_missing(config: pytest.Config) -> Generator[None, Any, Any]:
    try:
        return (yield)
    except Exception as error:
        from pytest_mtls.errors import EngineLacksFeature, NginxLacksFeature

        if not isinstance(error, EngineLacksFeature | NginxLacksFeature) or not options.skips_missing(config):
            raise
        lack = error.lack
    pytest.skip(lack)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Add what nginx had to say to the report of a test that failed."""
    report = yield
    if item.config.stash.get(_USED, False):
        from pytest_mtls.sessions import observe, sections

        if report.failed and call.when == "call":
            report.sections.extend(sections(item))
        if call.when == "call":
            observe(item)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop every server; hand what was seen to whoever writes the report."""
    config = session.config
    if config.stash.get(_USED, False):
        from pytest_mtls.report.session import finish

        finish(config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """xdist: take over what a worker saw."""
    if "mtls" in getattr(node, "workeroutput", {}):
        from pytest_mtls.report.session import take_over

        take_over(node.config, node.workeroutput["mtls"])
        node.config.stash[_USED] = True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what a user should know at the end."""
    if config.stash.get(_USED, False):
        from pytest_mtls.report.session import summary_lines

        for line in summary_lines(config):
            terminalreporter.write_line(line)
