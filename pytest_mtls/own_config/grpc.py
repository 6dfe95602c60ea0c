"""The headers of a gRPC location, as those of the proxied one that stands in for it."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_mtls.own_config.source import Directive

Field = tuple[str, str]


def fields_of(directives: Iterable[Directive], inherited: tuple[Field, ...]) -> tuple[Field, ...]:
    """What ``grpc_set_header`` sets in a block: its own, else all of the block's around it."""
    own = [each.args for each in directives if each.name == "grpc_set_header"]
    return tuple((each[0], each[1]) for each in own if len(each) == 2) if own else inherited


def as_proxied(fields: tuple[Field, ...]) -> str:
    """The same with ``proxy_set_header``.

    There is always one, so that those of the proxied locations around it are not inherited.
    """
    every = fields if any(name.lower() == "host" for name, _ in fields) else (("Host", "$proxy_host"), *fields)
    return " ".join(f"proxy_set_header {_quoted(name)} {_quoted(value)};" for name, value in every)


def _quoted(text: str) -> str:
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"
