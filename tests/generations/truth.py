"""The whole table, on every nginx and in every engine: ``python -m tests.generations.truth [nginx ...]``.

Each credential in each mode, situation and transport, with both versions of TLS. Ends with status 1 where the oracle
was wrong anywhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from pytest_mtls import EngineUnavailable
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.generations import GENERATIONS
from pytest_mtls.table.measure import Gap, MeasuredCell, plan
from pytest_mtls.table.situations import every_combination
from pytest_mtls.table.workers import measure_parts

ENGINES = ("process", "docker")
WORKERS = 2


def main(arguments: Sequence[str]) -> int:
    """Measure everything, print each disagreement and a line for each nginx; returns how many there were."""
    cells = wrong = 0
    for engine in ENGINES:
        for nginx in arguments or (*GENERATIONS, BUNDLED):
            try:
                measured, disagreements = _measure(engine, nginx)
            except EngineUnavailable as error:
                print(f"{engine}: not measured: {error}")
                break
            cells, wrong = cells + measured, wrong + disagreements
    print(f"{cells} cells, {wrong} disagreements")
    return wrong


def _measure(engine: str, nginx: str) -> tuple[int, int]:
    started = time.monotonic()
    cells = wrong = 0
    gaps: list[Gap] = []
    for part in measure_parts(plan([nginx], every_combination()), engine=engine, workers=WORKERS):
        measured = [each for each in part if isinstance(each, MeasuredCell)]
        gaps += [each for each in part if isinstance(each, Gap)]
        cells += len(measured)
        for cell in measured:
            if cell.differences:
                wrong += 1
                print(f"  {cell}: {dict(cell.differences)}")
    seconds = time.monotonic() - started
    cannot = f"; cannot be in {len(gaps)} situations" if gaps else ""
    print(
        f"{nginx} in engine {engine}: {cells} cells, {wrong} disagreements, {cells / seconds:.0f} cells/s{cannot}",
        flush=True,
    )
    return cells, wrong


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
