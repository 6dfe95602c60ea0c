"""The listeners of a configuration, and the servers on each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pytest_mtls.nginx.spec import Protocol, ServerBlock, VerifyMode
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.tree import Tree

_CERTIFIED = re.compile(r"\.?(?:\*\.)?[A-Za-z0-9_-]*[A-Za-z0-9-][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
"""A name that a certificate can have: no regular expression, no ``www.*``, not ``_``."""

_DROPPED = ("ipv6only=", "fastopen=", "setfib=", "reuseport", "proxy_protocol", "multipath")


@dataclass(slots=True)
class OwnListener:
    """One address that is listened on.

    Attributes:
        protocol: of which module.
        written: the address, as nginx would say it: ``*:443``, ``[::]:443``, ``unix:/run/x.sock``.
        number: in the order of the configuration.
        tls: whether clients shake hands.
        blocks: its servers, the default one first.
    """

    protocol: Protocol
    written: str
    number: int
    tls: bool = False
    http2: bool = False
    blocks: list[ServerBlock] = field(default_factory=list)

    @property
    def marker(self) -> str:
        """Stands in the text for the address to listen on."""
        return f"\x01L{self.number}\x01"

    @property
    def target(self) -> str:
        """Stands in the text for the address at which it is reached."""
        return f"\x01T{self.number}\x01"

    @property
    def port(self) -> str:
        """The port, as it is written."""
        return self.written.rpartition(":")[2]


def address(written: str) -> str:
    """How nginx says the address of a ``listen``."""
    if written.startswith("unix:"):
        return written
    if written.isdigit() or (written.replace("-", "").isdigit()):
        return f"*:{written}"
    host, colon, port = written.rpartition(":") if not written.endswith("]") else (written, "", "")
    if not colon:
        host, port = written, "80"
    return f"{'*' if host in ('*', '0.0.0.0') else host}:{port}"


def is_udp(listen: Directive) -> bool:
    """Whether it listens for datagrams, which no client here sends."""
    return any(each in ("udp", "quic") for each in listen.args[1:])


def dropped_options(listen: Directive) -> list[str]:
    """Options that do not go with an address on loopback, or with a socket that is handed over."""
    return [each for each in listen.args[1:] if each.startswith(_DROPPED)]


def find(tree: Tree) -> dict[tuple[Protocol, str], OwnListener]:
    """All listeners, in the order of the configuration."""
    found: dict[tuple[Protocol, str], OwnListener] = {}
    main = tree.main
    for top in tree.flat(main.directives, (main.name,)):
        if top.name not in ("http", "stream") or top.block is None:
            continue
        protocol = Protocol(top.name)
        inside = list(tree.flat(top.block, (main.name,)))
        inherited = {each.name: each.args for each in inside if each.block is None}
        for server in (each for each in inside if each.name == "server" and each.block is not None):
            _add(server, inherited, protocol, tree, found)
    return found


def names_of(server: Directive, tree: Tree) -> tuple[str, ...]:
    """The names of a server that a certificate can have."""
    return tuple(_names(each for each in tree.flat(server.block or ()) if each.name == "server_name"))


def _names(directives: Iterator[Directive]) -> Iterator[str]:
    for directive in directives:
        for name in directive.args:
            if _CERTIFIED.fullmatch(name):
                yield from ((name[1:], f"*{name}") if name.startswith(".") else (name,))


def _add(
    server: Directive,
    inherited: dict[str, tuple[str, ...]],
    protocol: Protocol,
    tree: Tree,
    found: dict[tuple[Protocol, str], OwnListener],
) -> None:
    inside = list(tree.flat(server.block or ()))
    listens = [each for each in inside if each.name == "listen" and each.args and not is_udp(each)]
    said = inherited | {each.name: each.args for each in inside if each.block is None}
    given = [(address(each.args[0]), each.args[1:]) for each in listens]
    if not any(each.name == "listen" for each in inside) and protocol is Protocol.HTTP:
        given = [("*:80", ())]
    mode = (said.get("ssl_verify_client") or ("off",))[0]
    block = ServerBlock(
        names=tuple(name for name in names_of(server, tree) if "*" not in name) or ("_",),
        certificate=b"",
        key=b"",
        verify=VerifyMode(mode) if mode in tuple(VerifyMode) else VerifyMode.OFF,
        tls=None,
    )
    for written, options in given:
        listener = found.setdefault((protocol, written), OwnListener(protocol, written, len(found)))
        listener.tls = listener.tls or "ssl" in options
        listener.http2 = listener.http2 or "http2" in options or said.get("http2") == ("on",)
        first = "default_server" in options or "default" in options
        listener.blocks.insert(0 if first else len(listener.blocks), block)
