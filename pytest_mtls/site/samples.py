"""A text that a regular expression of a configuration matches."""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_mtls.site.patterns import compiled

if sys.version_info >= (3, 11):
    from re import _parser as parser
else:
    import sre_parse as parser

_PLAIN: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_./ ~"
_NAMED_GROUP: Final = re.compile(r"\(\?<(?=[A-Za-z_])")
_MOST_REPEATED: Final = 8
_POSIX: Final[Mapping[str, str]] = {
    "[:alnum:]": "a-zA-Z0-9",
    "[:alpha:]": "a-zA-Z",
    "[:blank:]": " \\t",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:punct:]": "!-/:-@\\[-`{-~",
    "[:space:]": "\\s",
    "[:upper:]": "A-Z",
    "[:word:]": "\\w",
    "[:xdigit:]": "0-9A-Fa-f",
}


def samples(pattern: str, *, ignore_case: bool = False) -> Iterator[str]:
    """Texts that it matches, the shortest likely ones; none where none was found."""
    known = compiled(pattern, ignore_case=ignore_case)
    parsed = _parsed(pattern)
    if known is None or parsed is None:
        return
    for choice in range(4):
        try:
            text = "".join(_text(parsed, choice))
        except (KeyError, ValueError, OverflowError, StopIteration, RuntimeError):
            continue
        if known.search(text):
            yield text


def _parsed(pattern: str) -> Any:
    """As Python's own syntax has it; ``None`` for what that does not know."""
    for name, members in _POSIX.items():
        pattern = pattern.replace(name, members)
    try:
        return parser.parse(_NAMED_GROUP.sub("(?P<", pattern))
    except (re.error, OverflowError, RecursionError):
        return None


def _text(parsed: Any, choice: int) -> Iterator[str]:
    for operation, argument in parsed:
        name = str(operation)
        if name == "LITERAL":
            yield chr(argument)
        elif name == "NOT_LITERAL":
            yield next(each for each in _PLAIN if ord(each) != argument)
        elif name == "ANY":
            yield "a"
        elif name == "IN":
            yield _of_set(argument)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, inner = argument
            times = min(max(least, 1 if choice else 0), int(most), max(least, _MOST_REPEATED))
            yield "".join(_text(inner, choice)) * times
        elif name == "SUBPATTERN":
            yield from _text(argument[-1], choice)
        elif name == "ATOMIC_GROUP":
            yield from _text(argument, choice)
        elif name == "BRANCH":
            branches: Sequence[Any] = argument[1]
            yield from _text(branches[(choice // 2) % len(branches)], choice)


def _of_set(members: Sequence[tuple[Any, Any]]) -> str:
    negated = any(str(kind) == "NEGATE" for kind, _ in members)
    return next(
        each for each in _PLAIN if any(_in(each, *one) for one in members if str(one[0]) != "NEGATE") != negated
    )


_CATEGORIES: Final[Mapping[str, Callable[[str], bool]]] = {
    "DIGIT": str.isdecimal,
    "SPACE": str.isspace,
    "WORD": lambda each: each.isalnum() or each == "_",
}


def _in(character: str, kind: Any, argument: Any) -> bool:
    name = str(kind)
    if name == "LITERAL":
        return bool(ord(character) == argument)
    if name == "RANGE":
        low, high = argument
        return bool(low <= ord(character) <= high)
    word = str(argument).removeprefix("CATEGORY_")
    return _CATEGORIES[word.removeprefix("NOT_")](character) != word.startswith("NOT_")
