"""What differs from run to run is no difference, on either engine."""

from __future__ import annotations

from pathlib import Path

from pytest_mtls import Harness
from tests.comparison.test_comparing import SMALL, compared, written


def test_the_same_twice_differs_in_nothing(harness: Harness, tmp_path: Path) -> None:
    """On neither engine, although ports and addresses do."""
    paths = [written(tmp_path / name, SMALL) for name in ("one", "other")]

    found = compared(harness, paths)

    assert [each.to_json() for each in found.differences] == []
    assert found.places == ("a.example.com/", "a.example.com/moved")
    assert found.requests > 90
