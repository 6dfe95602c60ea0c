"""``[tool.pytest-mtls.audit]`` in a pyproject.toml: what a project declares once rather than with every audit."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_mtls.audit.finding import Grade
from pytest_mtls.errors import InvalidArgument

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NEVER: Final = "never"
FAIL_ON: Final = (*(str(grade) for grade in Grade), NEVER)
"""What ``--fail-on`` may be."""

DEFAULT_FAIL_ON: Final = str(Grade.WARNING)
_TABLE: Final = "tool.pytest-mtls.audit"
_KEYS: Final = ("protected", "public", "fail-on")


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of a configuration.

    Attributes:
        protected: prefixes of paths that are for holders of a certificate.
        public: prefixes of paths that are for everybody.
        fail_on: a grade, or ``never``.
    """

    protected: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    fail_on: str = DEFAULT_FAIL_ON

    def with_more(
        self, protected: Sequence[str] = (), public: Sequence[str] = (), fail_on: str | None = None
    ) -> Declared:
        """The same with what was said beside it, which wins.

        Raises:
            InvalidArgument: a prefix is said to be both, or is none.
        """
        said = Declared(tuple(protected), tuple(public), fail_on or self.fail_on)
        _check_prefixes(said.protected, said.public, "--protected", "--public")
        return Declared(
            protected=tuple(dict.fromkeys((*said.protected, *(e for e in self.protected if e not in said.public)))),
            public=tuple(dict.fromkeys((*said.public, *(e for e in self.public if e not in said.protected)))),
            fail_on=said.fail_on,
        )

    @property
    def threshold(self) -> Grade | None:
        """The grade from which on an audit fails; ``None`` where it never does."""
        return None if self.fail_on == NEVER else Grade(self.fail_on)


def declared_for(config: Path, current: Path | None = None) -> Declared:
    """What the nearest pyproject.toml with such a table says: above the configuration, else above the current folder.

    Args:
        config: the configuration.
        current: in place of the current folder.

    Raises:
        InvalidArgument: the table cannot be; file and key are named.
    """
    for file in _candidates(config.resolve().parent, (current or Path.cwd()).resolve()):
        table = _table(file)
        if table is not None:
            return _read(table, file)
    return Declared()


def _candidates(*folders: Path) -> Iterator[Path]:
    every = (each / "pyproject.toml" for folder in folders for each in (folder, *folder.parents))
    yield from (each for each in dict.fromkeys(every) if each.is_file())


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        inner: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgument(f"{file}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{file}: is not TOML: {error}.") from error
    passed = ""
    for name in _TABLE.split("."):
        passed = f"{passed}.{name}".lstrip(".")
        if name not in inner:
            return None
        inner = inner[name]
        if not isinstance(inner, Mapping):
            raise InvalidArgument(f"{file}: {passed} is not a table; write [{_TABLE}].")
    table: Mapping[str, Any] = inner
    return table


def _read(table: Mapping[str, Any], file: Path) -> Declared:
    where = f"{file}: [{_TABLE}]"
    for key in table:
        if key not in _KEYS:
            raise InvalidArgument.not_one_of(f"{where} key", key, _KEYS)
    protected, public = (_prefixes(table.get(key, []), f"{where} {key}") for key in ("protected", "public"))
    _check_prefixes(protected, public, f"{where} protected", f"{where} public")
    fail_on = table.get("fail-on", DEFAULT_FAIL_ON)
    if fail_on not in FAIL_ON:
        raise InvalidArgument.not_one_of(f"{where} fail-on", fail_on, FAIL_ON)
    return Declared(protected, public, str(fail_on))


def _prefixes(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidArgument(f'{where} is a list of texts, such as ["/api"], and not {value!r}.')
    return tuple(value)


def _check_prefixes(protected: Sequence[str], public: Sequence[str], one: str, other: str) -> None:
    for name, prefixes in ((one, protected), (other, public)):
        for each in prefixes:
            if not each or any(letter.isspace() for letter in each):
                raise InvalidArgument(f"{name}: {each!r} is no prefix of a path; write /api or api.example.com/admin.")
    if both := set(protected) & set(public):
        raise InvalidArgument(f"{one} and {other} both name {min(both)!r}; it is one or the other.")
