"""``--mtls-report``: what a suite exercised, and what it left out, as one file for people (HTML) or machines (JSON)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.coverage import CREDENTIALS, MODES, OWN, Coverage, coverage, untested
from pytest_mtls.report.page import Reasons, cell, chips, choice, filters, legend, page, reason
from pytest_mtls.report.record import Observation

_TITLE: Final = "Client certificates in this suite"
_LEAD: Final = (
    "Which credential was shown in which ssl_verify_client, and what nginx did; hatched cells nobody tested. "
    "Point at a cell or press it for the tests. A number in brackets is nginx's own: 495 for a bad certificate, "
    "496 for none; on the wire is 400."
)
_COLUMNS: Final = (
    ("test", "test"),
    ("mode", "ssl_verify_client"),
    ("credential", "certificate"),
    ("tls_version", "TLS"),
    ("accepted", "accepted"),
    ("layer", "decided in"),
    ("status", "status"),
    ("internal_status", "internally"),
    ("verify", "$ssl_client_verify"),
    ("reason", "reason"),
)
_NAMED_TESTS: Final = 8


def check_name(path: str) -> Path:
    """The path of a report.

    Raises:
        InvalidArgument: its ending is of no kind of report.
    """
    if Path(path).suffix not in (".html", ".json"):
        raise InvalidArgument(f"--mtls-report {path!r}: the name must end in .html or .json.")
    return Path(path)


def write_report(path: Path, observations: Sequence[Observation]) -> None:
    """Write the report in the form that its name asks for; folders that are missing are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _html(observations) if path.suffix == ".html" else _json(observations)
    path.write_text(text, encoding="utf-8")


def _json(observations: Sequence[Observation]) -> str:
    cells = coverage(observations)
    value = {
        "observations": [each.to_json() for each in observations],
        "coverage": [each.to_json() for each in cells if each.observations],
        "untested": [{"mode": each.mode, "credential": each.credential} for each in untested(cells)],
    }
    return json.dumps(value, indent=2) + "\n"


def _html(observations: Sequence[Observation]) -> str:
    cells = coverage(observations)
    reasons = Reasons()
    rows = "\n".join(_row(credential, cells, reasons) for credential in CREDENTIALS)
    head = "".join(f'<th scope="col" data-mode="{mode}"><code>{mode}</code></th>' for mode in MODES)
    return page(
        _TITLE,
        _LEAD,
        "\n".join(
            (
                chips(_facts(observations, cells)),
                filters("credential or test", [choice("mode", "mode", MODES)], marked="with untested cells only"),
                legend(each.verdict.meaning for each in observations),
                f'<table class="matrix"><thead><tr><th scope="col">credential</th>{head}</tr></thead>',
                f"<tbody>{rows}</tbody></table>",
                _requests(observations),
                reasons.html(),
            )
        ),
    )


def _facts(observations: Sequence[Observation], cells: Sequence[Coverage]) -> Iterator[tuple[str, str]]:
    table = [each for each in cells if each.counts]
    tested = len(table) - len(untested(cells))
    yield f"{len(observations)} requests by {len({each.test for each in observations})} tests", ""
    yield f"{tested} of {len(table)} cells tested", "good" if tested == len(table) else ""
    for nginx, openssl in sorted({(each.nginx, each.openssl) for each in observations}):
        yield f"nginx {nginx}, OpenSSL {openssl}", ""


def _row(credential: str, cells: Sequence[Coverage], reasons: Reasons) -> str:
    own = [each for each in cells if each.credential == credential]
    columns = "".join(f'<td data-mode="{each.mode}">{_cell(each, reasons)}</td>' for each in own)
    marked = " data-marked" if untested(own) else ""
    description = "Everything that the suite minted or read itself." if credential == OWN else _description(credential)
    return (
        f'<tr data-find{marked}><th scope="row"><code>{escape(credential)}</code>'
        f"<small>{escape(description)}</small></th>{columns}</tr>"
    )


def _description(credential: str) -> str:
    return CredentialState(credential).description


def _cell(covered: Coverage, reasons: Reasons) -> str:
    if not covered.observations:
        return '<span class="untested">not tested</span>' if covered.counts else ""
    alike = defaultdict[tuple[object, ...], list[Observation]](list)
    for each in covered.observations:
        alike[each.verdict.substance].append(each)
    return "".join(cell(each[0].verdict, reasons.number(_reason(each)), times=len(each)) for each in alike.values())


def _reason(observations: Sequence[Observation]) -> str:
    first = observations[0].verdict
    tests = list(dict.fromkeys(each.test for each in observations))
    more = f" and {len(tests) - _NAMED_TESTS} more" if len(tests) > _NAMED_TESTS else ""
    return reason(
        f"{first.meaning.words[0].upper()}{first.meaning.words[1:]}: {first.words}.",
        {
            "$ssl_client_verify": "; ".join(dict.fromkeys(each.verdict.verify or "" for each in observations)),
            "decided in": first.layer,
            "requests": str(len(observations)),
            "tests": ", ".join(tests[:_NAMED_TESTS]) + more,
        },
    )


def _requests(observations: Sequence[Observation]) -> str:
    if not observations:
        return ""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for _, title in _COLUMNS)
    rows = "\n".join(_request(each) for each in observations)
    return (
        '<h2>Every request</h2>\n<div class="scroll" role="region" aria-label="every request" tabindex="0">'
        f'<table class="requests"><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div>'
    )


def _request(observation: Observation) -> str:
    values = observation.to_json()
    test, *others = (_value(observation, name, values[name]) for name, _ in _COLUMNS)
    columns = "".join(f"<td>{value}</td>" for value in others)
    return f'<tr data-find data-marked data-mode="{escape(observation.mode)}"><th scope="row">{test}</th>{columns}</tr>'


def _value(observation: Observation, name: str, value: object) -> str:
    if name == "accepted":
        return f'<span class="pill {observation.verdict.meaning}">{"yes" if value else "no"}</span>'
    if name == "credential" and value is None:
        return "none"
    return "" if value is None else escape(str(value))
