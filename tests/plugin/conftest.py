"""What the tests of the plugin share."""

from __future__ import annotations

import pytest

from tests.plugin.suite import Suite


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """An empty suite, to be filled and run."""
    return Suite(pytester, monkeypatch)
