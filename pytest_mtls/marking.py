"""``@pytest.mark.mtls``: from markers to arguments, and from lists in them to parameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, Final

import pytest

from pytest_mtls.arguments import SEQUENCE_ARGUMENTS, UNSET, ServerArguments
from pytest_mtls.errors import InvalidArgument, InvalidMarker, MtlsError
from pytest_mtls.resolution import check_values

MARKER: Final = "mtls"
FIXTURES: Final = ("mtls_nginx", "mtls_nginx_factory")
"""The fixtures that a marker speaks to; its lists become parameters of the first one that a test uses."""


def merged(markers: Iterable[pytest.Mark]) -> dict[str, Any]:
    """All arguments of some markers, the closest first; the closest wins, argument by argument.

    Raises:
        InvalidMarker: a marker has positional arguments.
    """
    arguments: dict[str, Any] = {}
    for marker in markers:
        if marker.args:
            raise InvalidMarker(
                f"@pytest.mark.{MARKER} takes arguments by name only, e.g. verify='on'; saw {marker.args!r}."
            )
        arguments = {**marker.kwargs, **arguments}
    return arguments


def parametrize(metafunc: pytest.Metafunc, nginx_names: Sequence[str]) -> None:
    """Make one test for each combination that the markers of a test ask for.

    Args:
        metafunc: the test.
        nginx_names: from ``--mtls-nginx``; several make a further axis.
    """
    try:
        arguments = merged(metafunc.definition.iter_markers(MARKER))
        if len(nginx_names) > 1 and "nginx" not in arguments:
            arguments["nginx"] = list(nginx_names)
        variants = list(_variants(arguments))
    except MtlsError as error:
        raise pytest.fail.Exception(
            f"InvalidMarker: @pytest.mark.{MARKER} of {metafunc.definition.nodeid}: {error}", pytrace=False
        ) from None
    target = next((name for name in FIXTURES if name in metafunc.fixturenames), None)
    if target is None or (len(variants) == 1 and not variants[0][0]):
        # Nothing to choose from: the test keeps its plain name.
        return
    metafunc.parametrize(
        target, [variant for _, variant in variants], ids=["-".join(names) for names, _ in variants], indirect=True
    )


def arguments_of(item: pytest.Item, parameter: object = None) -> ServerArguments:
    """What the markers of a test ask for, or the one combination that it is a parameter of.

    Raises:
        InvalidArgument: an argument is unknown or not allowed.
    """
    if isinstance(parameter, ServerArguments):
        return parameter
    ((names, variant), *more) = _variants(merged(item.iter_markers(MARKER)))
    if names or more:
        raise InvalidMarker(
            f"@pytest.mark.{MARKER} of {item.nodeid} has a list, and the test gets its server through "
            f"getfixturevalue(): name one of {', '.join(FIXTURES)} among its arguments."
        )
    return variant


def announced(items: Iterable[pytest.Item]) -> list[ServerArguments]:
    """What the tests of a session will ask the pool for."""
    asked = []
    for item in items:
        if FIXTURES[0] in getattr(item, "fixturenames", ()):
            callspec = getattr(item, "callspec", None)
            parameter = callspec.params.get(FIXTURES[0]) if callspec else None
            try:
                asked.append(arguments_of(item, parameter))
            except InvalidArgument:
                continue  # the test itself will say so
    return asked


def _variants(arguments: dict[str, Any]) -> Iterator[tuple[list[str], ServerArguments]]:
    """Each combination, with the ids of what varies."""
    axes: list[list[tuple[str | None, Any]]] = []
    for name, value in arguments.items():
        if _is_several(name, value):
            if not value:
                raise InvalidMarker(f"{name}=[] leaves nothing to test.")
            axes.append([(_id(name, each, number), each) for number, each in enumerate(value)])
        else:
            axes.append([(None, value)])
    for combination in itertools.product(*axes):
        variant = ServerArguments.checked(
            {name: value for name, (_, value) in zip(arguments, combination, strict=True)},
            where=f"@pytest.mark.{MARKER}",
        )
        check_values(variant)
        yield [each for each, _ in combination if each is not None], variant


def _is_several(name: str, value: Any) -> bool:
    if not isinstance(value, list):
        return False
    return name not in SEQUENCE_ARGUMENTS or any(isinstance(each, list | tuple) for each in value)


def _id(name: str, value: Any, number: int) -> str:
    if isinstance(value, Enum | str | int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, tuple) and all(isinstance(each, Enum | str | int) for each in value):
        return "+".join(map(str, value))
    return f"{name}={value}" if isinstance(value, bool) or value is None or value is UNSET else f"{name}{number}"
