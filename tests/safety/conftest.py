"""How many examples property-based tests try: few in the suite, many in ``make fuzz``."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.plugin.suite import Suite

_QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]

settings.register_profile("suite", max_examples=40, deadline=None, database=None, suppress_health_check=_QUIET)
settings.register_profile("fuzz", settings.get_profile("suite"), max_examples=3000, print_blob=True)
settings.load_profile(os.environ.get("PYTEST_MTLS_HYPOTHESIS", "suite"))


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """An empty suite, to be filled and run."""
    return Suite(pytester, monkeypatch)
