"""Which of the two interfaces an application speaks: WSGI (PEP 3333), or ASGI in its version 3."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pytest_mtls.errors import InvalidArgument

_WSGI_ARGUMENTS: Final = 2  # environ, start_response
_ASGI_ARGUMENTS: Final = 3  # scope, receive, send


@dataclass(frozen=True, slots=True, eq=False)
class _Application:
    app: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.app):
            raise InvalidArgument(f"{type(self).__name__}({self.app!r}): that cannot be called.")


class WsgiApp(_Application):
    """An application that speaks WSGI, as ``upstream=``; to be said only where its signature does not tell.

    Args:
        app: called with ``environ, start_response``.

    Raises:
        InvalidArgument: it cannot be called.
    """

    __slots__ = ()


class AsgiApp(_Application):
    """An application that speaks ASGI 3, as ``upstream=``; to be said only where its signature does not tell.

    Args:
        app: awaited with ``scope, receive, send``.

    Raises:
        InvalidArgument: it cannot be called.
    """

    __slots__ = ()


def is_application(value: object) -> bool:
    """Whether ``value`` is meant as one."""
    return isinstance(value, WsgiApp | AsgiApp) or callable(value)


def told_apart(value: Any) -> WsgiApp | AsgiApp:
    """The application with its interface: what is awaited is ASGI; else the number of arguments tells.

    Raises:
        InvalidArgument: it is a class, or takes other arguments than either interface gives.
    """
    if isinstance(value, WsgiApp | AsgiApp):
        return value
    if inspect.isclass(value):
        raise InvalidArgument(f"upstream={value.__name__} is a class; give an application made of it.")
    inner = value.func if isinstance(value, functools.partial) else value
    if inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(getattr(type(inner), "__call__", None)):  # noqa: B004
        return AsgiApp(value)
    match _positional(value):
        case 2:
            return WsgiApp(value)
        case 3:
            return AsgiApp(value)
        case count:
            takes = "arguments that do not tell" if count is None else f"{count} arguments"
            raise InvalidArgument(
                f"upstream={value!r} takes {takes}: WSGI gives {_WSGI_ARGUMENTS} (environ, start_response), ASGI "
                f"{_ASGI_ARGUMENTS} (scope, receive, send). Give the application and not what makes it, or say which "
                "it is: WsgiApp(app), AsgiApp(app)."
            )


def _positional(value: Callable[..., Any]) -> int | None:
    """How many arguments it must be given; ``None`` where that cannot be known, or any number will do."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return None
    ordinary = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in ordinary and each.default is each.empty for each in parameters)
