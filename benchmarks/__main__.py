"""``python -m benchmarks [--json FILE] [ROW ...]``: measure, and print one table.

It reports and judges nothing: the exit status is 0 unless a row crashed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks import asking, importing, issuing, reloading, starting, suites, telling
from benchmarks.measure import Missing, Row
from benchmarks.place import Place
from benchmarks.report import Result, as_json, table

ROWS: tuple[Row, ...] = (
    *starting.ROWS,
    *asking.ROWS,
    *reloading.ROWS,
    *issuing.ROWS,
    *telling.ROWS,
    *suites.ROWS,
    *importing.ROWS,
)
_CRASHED = "crashed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows that were asked for; returns the exit status."""
    options = _parser().parse_args(arguments)
    chosen = [row for row in ROWS if not options.rows or row.name.startswith(tuple(options.rows))]
    # Ending by a signal is to go through every `finally`, so that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.closing(Place()) as place:
        results = [_run(row, place) for row in chosen]
    print(table(results, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    if options.json:
        options.json.write_text(json.dumps(as_json(results), indent=1) + "\n")
    return int(any(result.note == _CRASHED for result in results))


def _parser() -> argparse.ArgumentParser:
    names = [row.name for row in ROWS]

    def known(name: str) -> str:
        if any(each.startswith(name) for each in names):
            return name
        raise argparse.ArgumentTypeError(f"there is no row {name!r}; there are: {', '.join(names)}")

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speed against the bare limit and against peers."
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", type=known, help=f"a row or how some begin: {', '.join(names)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample there, in seconds")
    return parser


def _run(row: Row, place: Place) -> Result:
    print(f"{row.name} ...", end=" ", file=sys.stderr, flush=True)
    begun = time.monotonic()
    try:
        result = Result(row, row.measure(place))
        said = "done"
    except Missing as missing:
        result = Result(row, note=str(missing))
        said = str(missing)
    except Exception:
        traceback.print_exc()
        result = Result(row, note=_CRASHED)
        said = _CRASHED
    print(f"{said} after {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
