"""``--mtls-report``: what a suite exercised, as one file for people (HTML) or for machines (JSON)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.report.record import Observation

_COLUMNS: Final = (
    ("mode", "ssl_verify_client"),
    ("credential", "certificate"),
    ("tls_version", "TLS"),
    ("accepted", "accepted"),
    ("layer", "decided in"),
    ("status", "status"),
    ("internal_status", "internally"),
    ("verify", "$ssl_client_verify"),
    ("reason", "reason"),
    ("test", "test"),
)

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --good: #2a8a3e; --bad: #c0392b; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 80rem; padding: 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; white-space: nowrap; }
td.yes { color: var(--good); } td.no { color: var(--bad); }
"""


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
    return json.dumps({"observations": [each.to_json() for each in observations]}, indent=2) + "\n"


def _html(observations: Sequence[Observation]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for _, title in _COLUMNS)
    rows = "\n".join(_row(each) for each in observations)
    versions = sorted({f"nginx {each.nginx}, OpenSSL {each.openssl}" for each in observations})
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Client certificates as nginx saw them</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Client certificates as nginx saw them</h1>\n"
        f"<p>{len(observations)} requests. {escape('; '.join(versions))}</p>\n"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div>\n'
        "</body></html>\n"
    )


def _row(observation: Observation) -> str:
    values = observation.to_json()
    return "<tr>" + "".join(_cell(name, values[name]) for name, _ in _COLUMNS) + "</tr>"


def _cell(name: str, value: object) -> str:
    if name == "accepted":
        return '<td class="yes">yes</td>' if value else '<td class="no">no</td>'
    if name == "credential" and value is None:
        return "<td>none</td>"
    return f"<td>{'' if value is None else escape(str(value))}</td>"
