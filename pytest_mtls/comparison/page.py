"""``pytest-mtls compare --html``: the differences as one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from pytest_mtls.comparison.comparing import Comparison
from pytest_mtls.comparison.difference import Difference, Kind
from pytest_mtls.report.page import chips, filters, page

_TITLE = "Which answers differ"
_LEAD = "Each row is one difference, with every place and question that showed it, and why where that is known."


def comparison_page(found: Comparison) -> str:
    """The whole page."""
    labels = [side.label for side in found.sides]
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in ("difference", *labels, "where"))
    bodies = "\n".join(_body(kind, found.differences, len(labels)) for kind in Kind)
    notes = "".join(
        f"<li>{escape(text)}</li>"
        for text in (*(f"not compared, as it changes with every request: {each}" for each in found.unsteady),
                     *(f"not asked: {each}" for each in found.untried))
    )  # fmt: skip
    return page(
        _TITLE,
        _LEAD,
        "\n".join(
            (
                chips(_facts(found)),
                filters("difference", (), example="received", of="differences"),
                f'<table class="matrix"><thead><tr>{head}</tr></thead>\n{bodies}</table>',
                f'<ul class="notes">{notes}</ul>' if notes else "",
            )
        ),
        none_left="No difference is like that.",
    )


def _facts(found: Comparison) -> Iterable[tuple[str, str]]:
    number = len(found.differences)
    yield f"{number or 'no'} difference{'s' * (number != 1)}", "bad" if number else "good"
    yield f"{found.requests} requests each, at {len(found.places)} places", ""
    for side in found.sides:
        yield f"{side.label}: {side.build}", ""


def _body(kind: Kind, differences: Iterable[Difference], sides: int) -> str:
    rows = "\n".join(_row(each) for each in differences if each.kind is kind)
    if not rows:
        return ""
    return (
        f'<tbody><tr class="section"><th scope="rowgroup" colspan="{sides + 2}"><b>{kind}</b></th></tr>\n{rows}</tbody>'
    )


def _row(each: Difference) -> str:
    why = f"<small>{escape(each.because)}</small>" if each.because else ""
    values = "".join(f"<td><code>{escape(value) or '&quot;&quot;'}</code></td>" for _, value in each.values)
    where = "".join(f"<li>{text}</li>" for text in _where(each))
    return (
        f'<tr data-find><th scope="row"><code>{escape(each.aspect)}</code>{why}</th>{values}'
        f'<td><ul class="notes">{where}</ul></td></tr>'
    )


def _where(each: Difference) -> Iterator[str]:
    for place, questions in each.places.items():
        yield f"<b>{escape(place)}</b>: {escape(', '.join(questions))}"
