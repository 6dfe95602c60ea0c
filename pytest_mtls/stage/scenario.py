"""A scenario as it stands in its file, checked: every mistake names the file and the field."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.stage.conditions import Need, Where
from pytest_mtls.stage.stage import Stage

PARAGRAPHS: Final = ("Symptom", "Cause", "Safe", "Versions", "Source")
"""What the docstring says after its title, each as a paragraph of its own."""

LONGEST: Final = 40
"""Lines that a scenario file may have."""

_PARAGRAPH: Final = re.compile(r"^(?P<label>[A-Z]\w*): (?P<text>.+?)(?=\n[A-Z]\w*: |\Z)", re.M | re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One known regression.

    Attributes:
        name: its identifier, the file's name with hyphens.
        title: one line.
        symptom: what people see.
        cause: why.
        remedy: what a safe set-up is, which :attr:`safe` shows.
        versions: which nginx differ, and how.
        source: where it was reported or is documented.
        shows: which nginx have the problem.
        needs: what it cannot do without.
        problem: takes the steps, and says whether the problem showed.
        safe: asserts that the safe set-up holds.
        path: the file.
        code: what stands in it after the docstring.
    """

    name: str
    title: str
    symptom: str
    cause: str
    remedy: str
    versions: str
    source: str
    shows: Where
    needs: tuple[Need, ...]
    problem: Callable[[Stage], bool]
    safe: Callable[[Stage], None]
    path: Path
    code: str

    @property
    def paragraphs(self) -> list[tuple[str, str]]:
        """What it says of itself, label by label."""
        return [
            ("Symptom", self.symptom),
            ("Cause", self.cause),
            ("Safe", self.remedy),
            ("Versions", self.versions),
            ("Shows", self.shows.text),
            ("Source", self.source),
        ]

    def lacking(self, build: NginxBuild, engine: str) -> str | None:
        """Why it cannot be run on that nginx and engine, as a clause; ``None`` where it can."""
        return next((lack for need in self.needs if (lack := need.lacking(build, engine))), None)


def load(path: Path, module: str | None = None) -> Scenario:
    """The scenario in a file.

    Args:
        path: the file.
        module: its name, where it can be imported.

    Raises:
        InvalidArgument: the file cannot be read, or a field in it is missing or wrong.
    """
    text = _read(path)
    loaded = _imported(path, module)
    said = _docstring(path, loaded)
    return Scenario(
        name=path.stem.replace("_", "-"),
        title=said["title"],
        symptom=said["Symptom"],
        cause=said["Cause"],
        remedy=said["Safe"],
        versions=said["Versions"],
        source=said["Source"],
        shows=_shows(path, loaded),
        needs=_needs(path, loaded),
        problem=_function(path, loaded, "problem"),
        safe=_function(path, loaded, "safe"),
        path=path,
        code=text.split('"""', 2)[2].strip("\n"),
    )


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{path}: tried to read this scenario, saw: {error}.") from error
    if (lines := len(text.splitlines())) > LONGEST:
        raise InvalidArgument(f"{path}: {lines} lines, and a scenario has {LONGEST} at most; show one thing only.")
    return text


def _imported(path: Path, module: str | None) -> ModuleType:
    try:
        if module is not None:
            return importlib.import_module(module)
        specification = importlib.util.spec_from_file_location(f"scenario_{path.stem}", path)
        if specification is None or specification.loader is None:
            raise InvalidArgument(f"{path}: a scenario is a Python file, NAME.py.")
        loaded = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(loaded)
    except Exception as error:
        if isinstance(error, InvalidArgument) and str(error).startswith(f"{path}:"):
            raise
        raise InvalidArgument(f"{path}: tried to load this scenario, saw {type(error).__name__}: {error}") from error
    return loaded


def _docstring(path: Path, loaded: ModuleType) -> dict[str, str]:
    text = inspect.cleandoc(loaded.__doc__ or "")
    title, _, rest = text.partition("\n\n")
    if not title or "\n" in title:
        raise InvalidArgument(f"{path}: the docstring must begin with a title: one line, then an empty one.")
    said = {each["label"]: " ".join(each["text"].split()) for each in _PARAGRAPH.finditer(rest)}
    for label in PARAGRAPHS:
        if label not in said:
            raise InvalidArgument(
                f"{path}: the docstring has no paragraph `{label}:`; it needs {', '.join(PARAGRAPHS)}."
            )
    if unknown := [label for label in said if label not in PARAGRAPHS]:
        raise InvalidArgument(f"{path}: the docstring's `{unknown[0]}:` is not one of {', '.join(PARAGRAPHS)}.")
    return {"title": title.rstrip("."), **said}


def _shows(path: Path, loaded: ModuleType) -> Where:
    value = getattr(loaded, "SHOWS", None)
    if not isinstance(value, Where):
        raise InvalidArgument(
            f"{path}: SHOWS says which nginx have the problem: everywhere, since('1.23.2'), before(...), "
            f"openssl_since(...), openssl_before(...), unless_patched(...); it is {value!r}."
        )
    return value


def _needs(path: Path, loaded: ModuleType) -> tuple[Need, ...]:
    value: Any = getattr(loaded, "NEEDS", ())
    if not isinstance(value, list | tuple) or not all(isinstance(each, Need) for each in value):
        raise InvalidArgument(
            f"{path}: NEEDS is a list of needs_nginx('1.19.0', 'ssl_ocsp') and needs_process_engine('...'); "
            f"it is {value!r}."
        )
    return tuple(value)


def _function(path: Path, loaded: ModuleType, name: str) -> Callable[[Stage], Any]:
    value: Any = getattr(loaded, name, None)
    if not inspect.isfunction(value):
        raise InvalidArgument(f"{path}: there is no function {name}(stage).")
    if len(inspect.signature(value).parameters) != 1:
        raise InvalidArgument(f"{path}: {name}{inspect.signature(value)} must take the stage and nothing else.")
    return value
