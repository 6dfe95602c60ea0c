"""Finding scenarios: whatever file lies in ``pytest_mtls/scenarios`` is one, and nothing is registered."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.stage.scenario import Scenario, load

_PACKAGE: Final = "pytest_mtls.scenarios"
FOLDER: Final = Path(__file__).parent.parent / "scenarios"
"""Where those that come with the package are."""


@cache
def names() -> tuple[str, ...]:
    """The identifiers of those that come with the package, in order."""
    return tuple(sorted(path.stem.replace("_", "-") for path in FOLDER.glob("[!_]*.py")))


@cache
def named(name: str) -> Scenario:
    """The scenario of that identifier, or in that file.

    Args:
        name: an identifier, or the path of a file that ends in ``.py``.

    Raises:
        InvalidArgument: there is none, or its file has a mistake.
    """
    if name.endswith(".py"):
        return load(Path(name))
    name = name.lower().replace("_", "-")  # directives have underscores, and so has what people type
    if name not in names():
        close = difflib.get_close_matches(name, names(), 3, 0.4) or [each for each in names() if name in each][:3]
        hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else "`pytest-mtls scenarios` lists them."
        raise InvalidArgument(f"There is no scenario {name!r}. {hint}")
    stem = name.replace("-", "_")
    return load(FOLDER / f"{stem}.py", f"{_PACKAGE}.{stem}")


def chosen(asked: Iterable[str]) -> list[Scenario]:
    """Those that are named, or all where none is.

    Raises:
        InvalidArgument: one does not exist, or its file has a mistake.
    """
    return [named(name) for name in dict.fromkeys(asked) or names()]
