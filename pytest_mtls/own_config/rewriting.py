"""The text of a configuration as it runs here: only what must be is changed, within its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.own_config import grpc
from pytest_mtls.own_config.changes import Change
from pytest_mtls.own_config.listening import OwnListener, address, dropped_options, is_udp, names_of
from pytest_mtls.own_config.minting import MINTED, Mint
from pytest_mtls.own_config.rules import (
    CACHE_PATHS,
    FOUND_ON_DISK,
    SAFE_SSL_COMMANDS,
    SAYS_THE_CLIENT,
    TAKEN_OUT,
    URI_DIRECTIVES,
    runs_code,
)
from pytest_mtls.own_config.served import Served
from pytest_mtls.own_config.source import RUNS_CODE, Directive, Source, Token
from pytest_mtls.own_config.targets import HTTP_RECORDER, Targets, split, variables_in
from pytest_mtls.own_config.tree import Tree

IN_MODULE: Final = {Protocol.HTTP: "\x01IN-HTTP\x01", Protocol.STREAM: "\x01IN-STREAM\x01"}
"""Stand in the text for what is added at the head of ``http {}`` and ``stream {}``."""

_DATA_BLOCKS: Final = ("map", "geo", "types", "split_clients", "charset_map")
_OTHER_PROTOCOLS: Final = ("grpc_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass", "memcached_pass")
_UNKNOWN_MODULE: Final = "only events, http and stream are run: nothing else listens here"

Edit = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Context:
    """Where a directive stands."""

    via: tuple[str, ...]
    protocol: Protocol | None = None
    names: tuple[str, ...] = ("localhost",)
    upstream: str | None = None
    variable: str | None = None
    recorded: bool = False
    grpc_fields: tuple[grpc.Field, ...] = ()


@dataclass(slots=True)
class Rewriting:
    """Goes through all files; an included file that comes out differently in two places becomes two."""

    tree: Tree
    listeners: dict[tuple[Protocol, str], OwnListener]
    targets: Targets
    mint: Mint
    served: Served
    texts: dict[str, str] = field(default_factory=dict)
    changes: dict[Change, None] = field(default_factory=dict)

    def main(self) -> str:
        """The main file."""
        return self._text(self.tree.main, Context((self.tree.main.name,)))

    def _text(self, source: Source, context: Context) -> str:
        edits = sorted(self._walk(source.directives, context, source))
        parts, position = [], 0
        for start, end, new in edits:
            parts += [source.text[position:start], new]
            position = end
        return "".join([*parts, source.text[position:]])

    def _variant(self, source: Source, context: Context) -> str:
        text = self._text(source, replace(context, via=(*context.via, source.name)))
        number, name = 1, source.name
        while self.texts.setdefault(name, text) != text:
            number, name = number + 1, f"{source.name}~{number + 1}"
        return name

    def _walk(self, directives: tuple[Directive, ...], context: Context, source: Source) -> Iterator[Edit]:
        for each in directives:
            yield from self._one(each, context, source)

    def _one(self, each: Directive, context: Context, source: Source) -> Iterator[Edit]:
        if each.name == "include" and each.block is None:
            yield from self._include(each, context)
        elif context.variable is not None:
            yield from self._entry(each, context)
        elif each.block is not None and context.protocol is None and each.name not in ("events", "http", "stream"):
            yield self._out(each, TAKEN_OUT.get(each.name, _UNKNOWN_MODULE), source)
        elif runs_code(each.name):
            raise InvalidArgument(f"{each.where}: {each.name} {RUNS_CODE}")
        elif each.name in TAKEN_OUT and context.upstream is None:
            yield self._out(each, TAKEN_OUT[each.name], source)
        elif each.block is not None:
            yield from self._block(each, context, source)
        else:
            yield from self._simple(each, context, source)

    def _block(self, each: Directive, context: Context, source: Source) -> Iterator[Edit]:
        block = each.block or ()
        inner = context
        if context.protocol is None and each.name in ("http", "stream"):
            every = [name for one in self.tree.flat(block) if one.name == "server" for name in names_of(one, self.tree)]
            inner = replace(context, protocol=Protocol(each.name), names=tuple(dict.fromkeys(every)) or context.names)
            yield (each.opened, each.opened, IN_MODULE[Protocol(each.name)])
        elif each.name == "server" and context.protocol:
            names = names_of(each, self.tree) or ("localhost",)
            inner = replace(context, names=names, recorded=self._is_recorded(each, context.protocol))
            listens = [one for one in self.tree.flat(block) if one.name == "listen"]
            if listens and all(is_udp(one) for one in listens):
                yield self._out(each, "it listens for datagrams only, which no client here sends", source)
                return
            if not listens and context.protocol is Protocol.HTTP:
                listener = self.listeners[(Protocol.HTTP, "*:80")]
                yield (each.opened, each.opened, f" listen {listener.marker};")
                self._change(each, "listens on a free port in place of 80", "nginx would take port 80")
        elif each.name == "upstream" and each.args:
            inner = replace(context, upstream=each.args[0])
        elif each.name in _DATA_BLOCKS:
            target = each.args[-1] if each.name == "map" and each.args else ""
            inner = replace(context, variable=target)
        inner = replace(inner, grpc_fields=grpc.fields_of(self.tree.flat(block), inner.grpc_fields))
        yield from self._walk(block, inner, source)

    def _simple(self, each: Directive, context: Context, source: Source) -> Iterator[Edit]:
        name, words = each.name, each.words
        if context.upstream is not None:
            yield from self._member(each, context)
        elif len(words) < 2:
            return
        elif name == "listen" and context.protocol:
            yield from self._listen(each, context.protocol, source)
        elif name in MINTED:
            yield from self._minted(each, context)
        elif name == "proxy_pass" or name == "pass":
            yield from self._passed(each, context)
        elif name in _OTHER_PROTOCOLS:
            yield from self._other_protocol(each, context)
        elif name == "set" and words[1].text in self.targets.traced:
            yield from self._value(each, words[-1], context)
        elif name in ("root", "alias"):
            yield from self._edit(each, words[1], *self.served.place(each))
        elif name in CACHE_PATHS:
            yield from self._edit(each, words[1], f"cache-{words[1].start}", "it writes into nginx's own folder")
        elif name == "proxy_ssl" and context.recorded:
            yield self._out(each, "the recorder speaks no TLS", source)
        elif name == "ssl_conf_command" and words[1].text not in SAFE_SSL_COMMANDS:
            yield self._out(each, "this command of OpenSSL's may read files", source)
        elif name == "set_real_ip_from" and not _is_address(words[1].text):
            yield self._out(each, "its name would be looked up: nothing beyond this machine is spoken to", source)
        else:
            self._check(each)

    def _check(self, each: Directive, values: tuple[str, ...] | None = None) -> None:
        """Whatever it is, it names no file outside."""
        if each.name in URI_DIRECTIVES and values is None:
            return
        if each.name in FOUND_ON_DISK and any(map(self._is_said_by_the_client, each.args)):
            raise InvalidArgument(
                f"{each.where}: {' '.join(word.text for word in each.words)}: a client chooses "
                "this path, with .. in it too, and nothing outside is read. Use $uri, or leave it out of what "
                "you test."
            )
        # Of a rewrite the first is a pattern; where it leads is not looked at again by nginx.
        for word in values if values is not None else each.args[each.name == "rewrite" :]:
            if ".." in word.split("/"):
                raise InvalidArgument(
                    f"{each.where}: {each.name} {word} leads out of its folder, and nothing outside is read. "
                    "Write the path without '..'."
                )
            if word.startswith("/") and each.name.endswith("_file"):
                raise InvalidArgument(
                    f"{each.where}: {each.name} {word}: nothing outside {self.tree.folder} is read. "
                    "Leave this directive out of what you test."
                )

    def _is_said_by_the_client(self, word: str) -> bool:
        """Whether a path has a part that a client writes, also by ``set`` and ``map``; behind ``?`` is no path."""
        waiting, seen = [word], set[str]()
        while waiting:
            path = waiting.pop().partition("?")[0]
            if SAYS_THE_CLIENT.search(path):
                return True
            new = [f"${name}" for name in variables_in(path) if f"${name}" not in seen]
            seen.update(new)
            waiting += [value for name in new for value in self.targets.variables.get(name, ())]
        return False

    def _include(self, each: Directive, context: Context) -> Iterator[Edit]:
        included = self.tree.included(each, context.via)
        names = [self._variant(source, context) for source in included.sources]
        if included.as_written and names == [each.args[0]]:
            return
        yield (each.start, each.end, " ".join(f'include "{name}";' for name in names))
        what = ", ".join(names) or "nothing: no file matches; check the pattern if one should"
        why = "it comes with nginx and is not in the folder" if included.stands_in else "the files it names here"
        self._change(each, f"{each.args[0]} -> {what}", why)

    def _listen(self, each: Directive, protocol: Protocol, source: Source) -> Iterator[Edit]:
        if is_udp(each):
            yield self._out(each, "no client here sends datagrams", source)
            return
        listener = self.listeners[(protocol, address(each.args[0]))]
        yield from self._edit(each, each.words[1], listener.marker, "a free port on loopback", shown="a free port")
        dropped = dropped_options(each)
        for word in each.words[2:]:
            if word.text in dropped:
                yield (word.start, word.end, "")
                self._change(each, f"{word.text} taken out", "it does not go with a loopback socket of the test's")

    def _minted(self, each: Directive, context: Context) -> Iterator[Edit]:
        if each.args[0] in ("off", ""):
            return
        minted = self.mint.file(each, each.args[0], context.names)
        yield from self._edit(each, each.words[1], minted.name, f"holds {minted.what}")

    def _member(self, each: Directive, context: Context) -> Iterator[Edit]:
        assert context.upstream is not None
        if each.name != "server" or len(each.words) < 2 or context.protocol is None:
            if each.name == "resolver":
                yield (each.start, each.end, "")
                self._change(each, "taken out", TAKEN_OUT["resolver"])
            return
        target = self.targets.member(context.upstream, each.args[0], context.protocol)
        yield from self._edit(each, each.words[1], target.authority, f"upstream {context.upstream}")
        for word in each.words[2:]:
            if word.text == "resolve" or word.text.startswith("service="):
                yield (word.start, word.end, "")
                self._change(each, f"{word.text} taken out", "its address is known")

    def _passed(self, each: Directive, context: Context) -> Iterator[Edit]:
        written = each.args[0]
        if context.protocol is None:
            return
        new, given_up = self.targets.passed(written, context.protocol)
        if new == written:
            return
        why = "requests stay on this machine"
        if given_up:
            why = (
                f"where {split(written)[1]} leads cannot be read off; name it: upstreams={{{split(written)[1]!r}: ...}}"
            )
        yield from self._edit(each, each.words[1], new, why)

    def _other_protocol(self, each: Directive, context: Context) -> Iterator[Edit]:
        protocol = context.protocol or Protocol.HTTP
        scheme, authority, rest = split(each.args[0])
        target = self.targets.of(authority, protocol)
        if not target.recorded:
            new = f"{scheme}://{target.authority}{rest}" if scheme else target.authority
            if new != each.args[0]:
                yield from self._edit(each, each.words[1], new, "as upstreams= names it")
            return
        group = (protocol, authority) in self.targets.groups
        headers = f" {grpc.as_proxied(context.grpc_fields)}" if each.name == "grpc_pass" else ""
        yield (each.start, each.end, f"proxy_pass http://{authority if group else HTTP_RECORDER};{headers}")
        self._change(
            each,
            f"{each.args[0]} -> proxy_pass to the recorder",
            f"the recorder speaks HTTP; to keep {each.name}, name its server: upstreams={{{authority!r}: 'host:port'}}",
        )

    def _entry(self, each: Directive, context: Context) -> Iterator[Edit]:
        """A line of a ``map``, whose value may be a target, or a path."""
        self._check(each, each.args)
        if context.variable in self.targets.traced and len(each.words) == 2:
            yield from self._value(each, each.words[1], context)

    def _value(self, each: Directive, word: Token, context: Context) -> Iterator[Edit]:
        if word.text and context.protocol:
            new = self.targets.value(word.text, context.protocol)
            if new != word.text:
                yield from self._edit(each, word, new, "a variable that names a target")

    def _is_recorded(self, server: Directive, protocol: Protocol) -> bool:
        """Whether a stream server passes on to the recorder."""
        passed = [one.args[0] for one in self.tree.flat(server.block or ()) if one.name == "proxy_pass" and one.args]
        return protocol is Protocol.STREAM and all(
            self.targets.of(split(each)[1], protocol).recorded for each in passed
        )

    def _edit(self, each: Directive, word: Token, new: str, why: str, *, shown: str | None = None) -> Iterator[Edit]:
        if new != word.text:
            yield (word.start, word.end, f'"{new}"' if " " in new else new)
            self._change(each, f"{word.text} -> {shown or _shown(new)}", why)

    def _out(self, each: Directive, why: str, source: Source) -> Edit:
        # Its line breaks stay, so that nginx's line numbers are the user's.
        self._change(each, f"{' '.join(each.args)} taken out".strip(), why)
        return (each.start, each.end, "\n" * source.text.count("\n", each.start, each.end))

    def _change(self, each: Directive, changed: str, why: str) -> None:
        self.changes[Change(each.file, each.words[0].line, each.name, changed, why)] = None


def _is_address(written: str) -> bool:
    try:
        ip_network(written, strict=False)
    except ValueError:
        return written.startswith("unix:")
    return True


def _shown(new: str) -> str:
    return (
        "the recorder"
        if "\x01HTTP" in new or "\x01STREAM" in new or "pytest_mtls" in new
        else ("a listener of this configuration" if "\x01" in new else new)
    )
