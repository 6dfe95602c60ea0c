"""Colours and tables."""

from __future__ import annotations

import io

import pytest

from pytest_mtls.report.terminal import Cell, Paint, table, wrap


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "enabled"),
    [
        (_Terminal(), {}, True),
        (_Terminal(), {"TERM": "dumb"}, False),
        (_Terminal(), {"NO_COLOR": "1"}, False),
        (_Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_where_they_are_wanted(stream: io.StringIO, environment: dict[str, str], enabled: bool) -> None:
    """A terminal has them unless NO_COLOR says otherwise; elsewhere only FORCE_COLOR brings them."""
    assert Paint.for_stream(stream, environment).enabled is enabled


def test_long_identifiers_break_after_an_underscore() -> None:
    """Words stay whole where they fit on a line of their own."""
    assert wrap("400 (495) certificate_expired", 20) == ["400 (495)", "certificate_expired"]
    assert wrap("unable_to_get_issuer", 10) == ["unable_to_", "get_issuer"]
    assert wrap("", 10) == [""]


def test_a_table_keeps_to_its_width() -> None:
    """The widest column gives way, and every line stays within the width."""
    rows = [[Cell("one", note="a note below"), Cell("unable_to_verify_first_certificate " * 2)]]

    lines = list(table([Cell("name"), Cell("value")], rows, width=40, paint=Paint(False)))

    assert max(map(len, lines)) <= 40
    assert lines[2].startswith("one")
    assert lines[3].startswith("a note below")
