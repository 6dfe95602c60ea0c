"""The whole table, on every nginx and in every engine: ``python -m tests.generations.truth [nginx ...]``.

Ends with status 1 where the oracle was wrong anywhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from pytest_mtls import EngineUnavailable, Harness
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.generations import GENERATIONS
from tests.generations.cells import SITUATIONS, measure

ENGINES = ("process", "docker")


def main(arguments: Sequence[str]) -> int:
    """Measure everything, print each disagreement and a line for each nginx; returns how many there were."""
    cells = wrong = 0
    for engine in ENGINES:
        try:
            harness = Harness.open(engine)
        except EngineUnavailable as error:
            print(f"{engine}: not measured: {error}")
            continue
        with harness:
            for nginx in arguments or (*GENERATIONS, BUNDLED):
                measured, disagreements = _measure(harness, nginx)
                cells, wrong = cells + measured, wrong + disagreements
    print(f"{cells} cells, {wrong} disagreements")
    return wrong


def _measure(harness: Harness, nginx: str) -> tuple[int, int]:
    started = time.monotonic()
    found = [cell for situation in SITUATIONS for cell in measure(harness, nginx, situation)]
    wrong = [cell for cell in found if cell.differences]
    for cell in wrong:
        print(f"  {cell.name}: {dict(cell.differences)}")
    seconds = time.monotonic() - started
    print(
        f"{nginx} in engine {harness.engine.name}: {len(found)} cells, {len(wrong)} disagreements, "
        f"{len(found) / seconds:.0f} cells/s",
        flush=True,
    )
    return len(found), len(wrong)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
