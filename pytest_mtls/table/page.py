"""``pytest-mtls table --html``: the measured table as one page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pytest_mtls.nginx.spec import VerifyMode
from pytest_mtls.report.page import Reasons, cell, chips, choice, filters, legend, page, reason
from pytest_mtls.table.measure import Gap, MeasuredCell
from pytest_mtls.table.situations import SITUATIONS
from pytest_mtls.table.view import Row, Section, Variant, missing, sections

_TITLE = "What nginx does with client certificates"
_LEAD = (
    "Rows are credentials, columns are ssl_verify_client; each cell was measured and compared with what was "
    "expected. Point at a cell or press it for the reason. A number in brackets is nginx's own: 495 for a bad "
    "certificate, 496 for none; on the wire is 400."
)


def table_page(cells: Sequence[MeasuredCell], gaps: Sequence[Gap]) -> str:
    """The whole page.

    Args:
        cells: what was measured, at least one.
        gaps: what could not be.
    """
    found = sections(cells, list(SITUATIONS))
    names = list(dict.fromkeys(each.nginx for each in cells))
    reasons = Reasons()
    several = len(names) > 1
    bodies = "\n".join(_section(each, reasons, several) for each in found)
    head = "".join(f'<th scope="col" data-mode="{mode}"><code>{mode}</code></th>' for mode in VerifyMode)
    return page(
        _TITLE,
        _LEAD,
        "\n".join(
            (
                chips(_facts(cells, found)),
                filters(
                    "credential",
                    (
                        choice("nginx", "nginx", names),
                        choice("situation", "situation", list(dict.fromkeys(each.situation for each in found))),
                        choice("tls", "TLS", sorted({each.tls for each in found})),
                        choice("mode", "mode", [str(mode) for mode in VerifyMode]),
                    ),
                    marked="differences only" if any(_is_marked(row) for each in found for row in each.rows) else "",
                ),
                legend(each.seen.meaning for each in cells),
                f'<table class="matrix"><thead><tr><th scope="col">credential</th>{head}</tr></thead>',
                f"{bodies}</table>",
                _gaps(gaps),
                reasons.html(),
            )
        ),
    )


def _facts(cells: Sequence[MeasuredCell], found: Iterable[Section]) -> Iterable[tuple[str, str]]:
    yield f"{len(cells)} cells measured", ""
    for engine in dict.fromkeys(each.engine for each in cells):
        yield f"engine {engine}", ""
    for name, version, openssl in dict.fromkeys(
        (each.nginx, each.nginx_version, each.openssl_version) for each in cells
    ):
        yield f"{name}: {version}, OpenSSL {openssl}", ""
    if differing := sum(row.differs for each in found for row in each.rows):
        yield f"{differing} {'row differs' if differing == 1 else 'rows differ'} between nginx", ""
    wrong = sum(1 for each in cells if each.differences)
    yield (f"not as expected: {wrong}", "bad") if wrong else ("each as expected", "good")


def _is_marked(row: Row) -> bool:
    return row.differs or row.is_wrongly_expected


def _section(section: Section, reasons: Reasons, several: bool) -> str:
    rows = "\n".join(_row(row, reasons, several) for row in section.rows)
    return (
        f'<tbody data-situation="{escape(section.situation)}" data-tls="{section.tls}">'
        f'<tr class="section"><th scope="rowgroup" colspan="{len(VerifyMode) + 1}">'
        f"<b>{escape(section.situation)}, TLS {section.tls}</b>"
        f"<span>{escape(SITUATIONS[section.situation].description)}</span></th></tr>\n{rows}</tbody>"
    )


def _row(row: Row, reasons: Reasons, several: bool) -> str:
    columns = "".join(
        f'<td data-mode="{mode}">'
        + (
            "".join(_variant(each, reasons, several=several, differs=len(variants) > 1) for each in variants)
            or '<span class="untested">nginx does not take this</span>'
        )
        + "</td>"
        for mode, variants in row.variants.items()
    )
    marks = (' class="differs"' if row.differs else "") + (" data-marked" if _is_marked(row) else "")
    return (
        f'<tr data-find{marks}><th scope="row"><code>{row.state}</code>'
        f"<small>{escape(row.state.description)}</small></th>{columns}</tr>"
    )


def _variant(variant: Variant, reasons: Reasons, *, several: bool, differs: bool) -> str:
    first = variant.cells[0]
    number = reasons.number(
        reason(
            first.sentence,
            {
                "rule": "; ".join(dict.fromkeys(each.because for each in variant.cells)),
                "$ssl_client_verify": "; ".join(dict.fromkeys(each.seen.verify or "" for each in variant.cells)),
                "decided in": first.seen.layer,
                "measured on": "; ".join(f"{each.nginx} ({each.nginx_version})" for each in variant.cells),
            },
            wrong=_disagreement(variant),
        )
    )
    names = variant.names if several else ()
    return cell(first.seen, number, names=names, label=differs, wrong=variant.is_wrongly_expected)


def _disagreement(variant: Variant) -> str:
    return " ".join(
        f"On {each.nginx} {name} was expected to be {expected}, and was {observed}."
        for each in variant.cells
        for name, (expected, observed) in each.differences.items()
    )


def _gaps(gaps: Sequence[Gap]) -> str:
    if not gaps:
        return ""
    items = "".join(f"<li><b>{escape(what)}</b>: {escape(why)}</li>" for what, why in missing(gaps))
    return f'<h2>Not measured</h2><ul class="notes">{items}</ul>'
