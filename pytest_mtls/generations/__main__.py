"""``python -m pytest_mtls.generations``: build every generation, or those named, and say what came of it.

Nobody has to do this first: a generation that a suite asks for is built when it is asked for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_mtls.engines.images import image_from_root
from pytest_mtls.errors import MtlsError
from pytest_mtls.generations import GENERATIONS, provide

_JOBS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and print a line for each; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m pytest_mtls.generations", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"out of {', '.join(GENERATIONS)} (default: all)")
    parser.add_argument("--rebuild", action="store_true", help="build again what is there, from today's packages")
    parser.add_argument("--archives", type=Path, metavar="FOLDER", help="write images there, for `docker load`")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in GENERATIONS]:
        parser.error(f"{unknown[0]!r} is not known; there are {', '.join(GENERATIONS)}")

    def make(name: str) -> str:
        root = provide(GENERATIONS[name], rebuild=asked.rebuild)
        image = image_from_root(root)
        if asked.archives:
            asked.archives.mkdir(parents=True, exist_ok=True)
            (asked.archives / f"nginx-{name}.tar").write_bytes(image.content())
        return f"{name}: image {image.id}, files in {root.folder}"

    try:
        with ThreadPoolExecutor(_JOBS) as jobs:
            for line in jobs.map(make, asked.names or GENERATIONS):
                print(line)
    except MtlsError as error:
        print(f"pytest-mtls: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
