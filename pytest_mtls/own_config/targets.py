"""Where a configuration's nginx passes requests on to, and where it does in a test."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.own_config.listening import OwnListener
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.tree import Tree

HTTP_RECORDER: Final = "\x01HTTP\x01"
STREAM_RECORDER: Final = "\x01STREAM\x01"
RECORDER_VARIABLE: Final = "$pytest_mtls_recorder"
"""A literal in place of a variable would change what ``proxy_pass`` makes of the request's path."""

_DEEPEST: Final = 100
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "*", "[::]")
_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")
_AUTHORITY_END: Final = re.compile(r"[/?]|\$(?:request_uri|uri|is_args|args|document_uri|\d)")


@dataclass(frozen=True, slots=True)
class Target:
    """Where something goes.

    Attributes:
        authority: ``host:port``, or what stands for it.
        scheme: ``http`` or ``https``, where that is known.
        recorded: whether it is the recorder.
    """

    authority: str
    scheme: str | None
    recorded: bool = False


@dataclass(slots=True)
class Targets:
    """All that is known of them.

    Attributes:
        given: the user's ``upstreams``.
        listeners: of this configuration.
        groups: the servers of each ``upstream {}``, by module and name.
        variables: what each variable is set to, by ``set`` and ``map``.
    """

    given: Mapping[str, Any]
    listeners: Iterable[OwnListener]
    groups: dict[tuple[Protocol, str], list[str]] = field(default_factory=dict)
    variables: dict[str, list[str]] = field(default_factory=dict)
    traced: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def learn(self, tree: Tree) -> None:
        """Look at the whole configuration once: groups, variables, and which of these name targets."""
        for top in tree.flat(tree.main.directives, (tree.main.name,)):
            if top.name in ("http", "stream"):
                passes = list(self._learn(tree, top, Protocol(top.name)))
                for written in passes:
                    self._trace(written)

    def _learn(self, tree: Tree, top: Directive, protocol: Protocol, depth: int = 0) -> Iterator[str]:
        if depth > _DEEPEST:
            raise InvalidArgument(f"{top.where}: {top.name} includes itself, or blocks are nested without end.")
        for each in tree.flat(top.block or ()):
            if each.name == "upstream" and each.block is not None and each.args:
                servers = [inner.args[0] for inner in tree.flat(each.block) if inner.name == "server" and inner.args]
                self.groups[(protocol, each.args[0])] = servers
            elif each.name == "map" and each.block is not None and len(each.args) == 2:
                values = [inner.args[0] for inner in tree.flat(each.block) if _is_entry(inner)]
                self.variables.setdefault(each.args[1], []).extend(values)
            elif each.name == "set" and len(each.args) == 2:
                self.variables.setdefault(each.args[0], []).append(each.args[1])
            elif each.name.endswith("_pass") and each.args:
                yield each.args[0]
            if each.block is not None and each.name not in ("map", "upstream"):
                yield from self._learn(tree, each, protocol, depth + 1)

    def _trace(self, written: str) -> None:
        _, authority, _ = split(written)
        values = self.variables.get(_plain(authority), [])
        if values and not any("$" in value for value in values) and _plain(authority) not in self.given:
            self.traced.add(_plain(authority))

    def of(self, authority: str, protocol: Protocol) -> Target:
        """Where what goes to that authority goes instead.

        Raises:
            InvalidArgument: what the user named for it is no target.
        """
        host = authority.rpartition(":")[0] if re.search(r":\d+$", authority) else authority
        for key in dict.fromkeys((authority, host)):
            if key in self.given:
                self.used.add(key)
                given = _given(self.given[key], key)
                # A group stays one: what it says beside its servers holds, and nginx knows it by its name.
                return replace(given, authority=authority) if (protocol, authority) in self.groups else given
        if (protocol, authority) in self.groups:
            servers = self.groups[(protocol, authority)]
            inside = [self.of(each, protocol) for each in servers if (protocol, each) not in self.groups]
            whole = inside[0] if inside else Target("", None)
            return Target(authority, whole.scheme, whole.recorded)
        port = authority.rpartition(":")[2]
        for listener in self.listeners:
            if listener.written == authority or (host in _LOOPBACK and listener.port == port and ":" in authority):
                return Target(listener.target, None)
        if protocol is Protocol.STREAM:
            return Target(STREAM_RECORDER, None, recorded=True)
        return Target(HTTP_RECORDER, "http", recorded=True)

    def member(self, group: str, written: str, protocol: Protocol) -> Target:
        """Where a ``server`` of an ``upstream {}`` is."""
        if group in self.given:
            self.used.add(group)
            return _given(self.given[group], group)
        return self.of(written, protocol)

    def known(self, authority: str) -> bool:
        """Whether a variable's values are all to be seen in the configuration."""
        return _plain(authority) in self.traced

    def value(self, written: str, protocol: Protocol) -> str:
        """What a variable that names a target is set to."""
        scheme, authority, rest = split(written)
        if not authority:
            return written
        target = self.of(authority, protocol)
        return f"{target.scheme or scheme}://{target.authority}{rest}" if scheme else target.authority

    def passed(self, written: str, protocol: Protocol) -> tuple[str, bool]:
        """What ``proxy_pass`` names instead, and whether a variable was given up on."""
        scheme, authority, rest = split(written)
        if protocol is Protocol.STREAM:
            if self.known(authority):
                return written, False
            return self.of(authority, protocol).authority, "$" in authority
        if self.known(authority):
            values = [self.of(split(each)[1], protocol) for each in self.variables[_plain(authority)] if each]
            plain = scheme and values and all(each.scheme == "http" for each in values)
            return (f"http://{authority}{rest}" if plain else written), False
        target = self.of(authority, protocol)
        if "$" in authority and target.recorded:
            return f"http://{RECORDER_VARIABLE}{rest}", True
        return f"{target.scheme or scheme or 'http'}://{target.authority}{rest}", False

    def unused(self) -> list[str]:
        """Names of the user's that nothing goes to."""
        return [name for name in self.given if name not in self.used]


def split(written: str) -> tuple[str, str, str]:
    """Scheme, authority and the rest of a target."""
    scheme, separator, after = written.partition("://")
    if not separator:
        scheme, after = "", written
    if after.startswith("unix:"):
        socket, colon, rest = after[5:].partition(":")
        return scheme, f"unix:{socket}", colon and rest
    end = _AUTHORITY_END.search(after)
    variable = _VARIABLE.match(after)
    if variable and (end is None or end.start() > 0):
        port = re.match(r"(?::\d+)?", after[variable.end() :])
        stop = variable.end() + (port.end() if port else 0)
        if after[stop : stop + 1] in ("", "/", "?", "$"):
            return scheme, after[:stop], after[stop:]
    stop = end.start() if end else len(after)
    return scheme, after[:stop], after[stop:]


def variables_in(text: str) -> list[str]:
    """The variables that stand in it, without ``$``."""
    return _VARIABLE.findall(text)


def _plain(authority: str) -> str:
    found = _VARIABLE.fullmatch(authority)
    return f"${found[1]}" if found else authority


def _is_entry(directive: Directive) -> bool:
    return len(directive.args) == 1 and directive.name not in ("include", "hostnames", "volatile")


def _given(value: object, key: str) -> Target:
    address = getattr(value, "upstream_url", value)
    if not isinstance(address, str) or not address or re.search(r"[\s;{}'\"\\$\x00-\x1f]", address):
        raise InvalidArgument(f"upstreams[{key!r}]={value!r} is neither a URL, 'host:port' nor an NginxServer.")
    scheme, _, rest = address.rpartition("://")
    if scheme not in ("", "http", "https") or rest.rstrip("/").count("/"):
        raise InvalidArgument(f"upstreams[{key!r}]={address!r}: give http://host:port or https://host:port, no path.")
    return Target(rest.rstrip("/"), scheme or None)
