"""``pytest-mtls table``: what nginx does with each credential in each mode, measured, beside what was expected."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.commands.options import Commands, add_command, add_engine_option, check_writable, print_json, write
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.spec import TLS_VERSIONS, VerifyMode
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.terminal import Cell, Paint, Progress, table, terminal_width, wrapped

if TYPE_CHECKING:
    from pytest_mtls.table.measure import Gap, MeasuredCell, Part
    from pytest_mtls.table.view import Row, Section, Variant

_WIDEST: Final = 150
_WORTH_A_WORKER: Final = 1000
"""Cells; a process that measures is ready after as long as it takes to ask for about two hundred."""


@dataclass(frozen=True, slots=True)
class _Measured:
    cells: list[MeasuredCell] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def wrong(self) -> list[MeasuredCell]:
        return [cell for cell in self.cells if cell.differences]

    @property
    def builds(self) -> dict[str, MeasuredCell]:
        """One cell of each nginx, which names its versions."""
        first: dict[str, MeasuredCell] = {}
        for cell in self.cells:
            first.setdefault(cell.nginx, cell)
        return first


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "table",
        run,
        summary="measure what nginx does: credential by verify mode, beside what is expected",
        more="Each credential is shown to a real nginx in each ssl_verify_client; several nginx are put side by side,\n"
        "and where they differ that is marked ≠. Exit status: 0 where everything was expected, 1 otherwise.",
        example="pytest-mtls table\n"
        "  pytest-mtls table --nginx bullseye --nginx bundled --situation depth-0\n"
        "  pytest-mtls table --credential expired --credential revoked --situation crl --tls 1.2\n"
        "  pytest-mtls table --nginx trixie --situation all --html table.html",
    )
    add = parser.add_argument
    add("--nginx", action="append", metavar="NAME", help="bundled (default), bullseye, bookworm, trixie, forky, "
        "the path of a binary, or (--engine docker) an image; repeatable")  # fmt: skip
    add("--situation", action="append", metavar="NAME", help="how the server is set up (default: plain); repeatable, "
        "or all; an unknown name lists what there is")  # fmt: skip
    add("--credential", action="append", metavar="STATE", help="what is shown (default: all); repeatable")
    add("--tls", choices=TLS_VERSIONS, action="append", help="version of TLS (default: 1.3); repeatable")
    add("--workers", type=_positive, metavar="N", help="processes that measure (default: by how much there is to do)")
    add("--html", type=Path, metavar="FILE", help="write one page, with filters and reasons, rather than print it")
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Measure, then write or print."""
    from pytest_mtls.table.measure import plan
    from pytest_mtls.table.situations import SITUATIONS

    parts = plan(
        _distinct(options.nginx) or ["bundled"],
        _situations(options.situation, list(SITUATIONS)),
        versions=sorted(_distinct(options.tls)) or ["1.3"],
        states=_states(options.credential),
    )
    if options.html:
        check_writable("--html", options.html, suffix=".html")
    started = time.monotonic()
    measured = _measure(parts, options)
    seconds = time.monotonic() - started
    paint = Paint.for_stream(sys.stdout)
    if options.html:
        from pytest_mtls.table.page import table_page

        write("--html", options.html, table_page(measured.cells, measured.gaps))
    if options.json:
        print_json(_as_json(measured))
    else:
        if not options.html:
            _print_sections(measured, paint)
        _print_summary(measured, seconds, paint)
        if options.html:
            print(f"Written to {options.html}")
    return 1 if measured.wrong else 0


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 64")
    return int(text)


def _distinct(values: Iterable[str] | None) -> list[str]:
    return list(dict.fromkeys(values or ()))


def _situations(asked: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    for name in asked or ():
        if name != "all" and name not in known:
            raise InvalidArgument.not_one_of("--situation", name, ["all", *known])
    return list(known) if "all" in (asked or ()) else _distinct(asked) or ["plain"]


def _states(asked: Sequence[str] | None) -> list[CredentialState]:
    for name in asked or ():
        if name not in set(CredentialState):
            raise InvalidArgument.not_one_of("--credential", name, CredentialState)
    return [CredentialState(name) for name in _distinct(asked)] or list(CredentialState)


def _measure(parts: Sequence[Part], options: argparse.Namespace) -> _Measured:
    from pytest_mtls.table.measure import MeasuredCell
    from pytest_mtls.table.workers import measure_parts

    total = sum(map(len, parts))
    workers = options.workers or min(os.cpu_count() or 1, 1 + total // _WORTH_A_WORKER)
    measured = _Measured()
    with Progress("cells") as progress:
        for found in measure_parts(parts, engine=options.engine, workers=workers):
            for each in found:
                if isinstance(each, MeasuredCell):
                    measured.cells.append(each)
                else:
                    measured.gaps.append(each)
            progress.show(len(measured.cells) + sum(gap.cells for gap in measured.gaps), total)
    names, situations = (list(dict.fromkeys(getattr(part, of) for part in parts)) for of in ("nginx", "situation"))
    measured.cells.sort(key=lambda cell: (names.index(cell.nginx), situations.index(cell.situation)))
    measured.gaps.sort(key=lambda gap: (names.index(gap.nginx), situations.index(gap.situation)))
    return measured


def _as_json(measured: _Measured) -> dict[str, Any]:
    return {
        "nginx": [
            {"name": name, "version": cell.nginx_version, "openssl": cell.openssl_version, "engine": cell.engine}
            for name, cell in measured.builds.items()
        ],
        "cells": [each.to_json() for each in measured.cells],
        "gaps": [each.to_json() for each in measured.gaps],
        "disagreements": len(measured.wrong),
    }


def _print_sections(measured: _Measured, paint: Paint) -> None:
    from pytest_mtls.table.situations import SITUATIONS
    from pytest_mtls.table.view import sections

    several = len(measured.builds) > 1
    for section in sections(measured.cells, list(SITUATIONS)):
        title = f"{section.situation}, TLS {section.tls}"
        print(
            wrapped(f"{paint(title, 'bold', 'cyan')}: {SITUATIONS[section.situation].description}", sys.stdout),
            end="\n\n",
        )
        for line in _lines(section, several, paint):
            print(line)
        print()


def _lines(section: Section, several: bool, paint: Paint) -> Iterator[str]:
    header = [Cell("credential", ("bold",)), *(Cell(str(mode), ("bold",)) for mode in VerifyMode)]
    rows = [line for row in section.rows for line in _row(row, several)]
    return table(header, rows, width=min(terminal_width(), _WIDEST), paint=paint)


def _row(row: Row, several: bool) -> Iterator[list[Cell]]:
    """As many lines as the mode in which most was done differently."""
    columns = [[_cell(each, variants) for each in variants] for variants in row.variants.values()]
    for number in range(max(map(len, columns))):
        name = Cell(str(row.state), ("bold",)) if number == 0 else Cell("")
        yield [name, *(column[number] if number < len(column) else Cell("") for column in columns)]


def _cell(variant: Variant, variants: Sequence[Variant]) -> Cell:
    meaning = variant.seen.meaning
    text = f"{variant.seen.words} !" if variant.is_wrongly_expected else variant.seen.words
    if len(variants) == 1:
        return Cell(text, meaning.styles)
    # The one that most share needs no list of names where that would be long.
    shared = variant is variants[0] and len(variant.names) > 2
    return Cell(f"≠ {'others' if shared else ' '.join(variant.names)}: {text}", ("bold", *meaning.styles))


def _print_summary(measured: _Measured, seconds: float, paint: Paint) -> None:
    from pytest_mtls.table.view import missing

    for what, why in missing(measured.gaps):
        print(wrapped(f"{paint('not measured', 'yellow')}: {what}: {why}", sys.stdout))
    for cell in measured.wrong:
        for name, (expected, observed) in cell.differences.items():
            said = f"{cell}: {name} should be {expected}, and was {observed}"
            print(wrapped(f"{paint('not expected', 'red', 'bold')}: {said}", sys.stdout))
    builds = "; ".join(
        f"{name} is nginx {cell.nginx_version} with OpenSSL {cell.openssl_version}"
        for name, cell in measured.builds.items()
    )
    verdict = f"{len(measured.wrong)} were not expected" if measured.wrong else "each was as expected"
    summary = f"{len(measured.cells)} cells in {seconds:.1f} s; {verdict}." + (f" {builds}." if builds else "")
    print(wrapped(summary, sys.stdout))
