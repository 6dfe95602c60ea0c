"""A configuration of the user's own, ready for an engine."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx import bundle as ours
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import Bundle, BundleFile, Layout
from pytest_mtls.nginx.spec import Protocol, ServerSpec
from pytest_mtls.own_config import listening
from pytest_mtls.own_config.changes import Change
from pytest_mtls.own_config.listening import OwnListener
from pytest_mtls.own_config.minting import Mint
from pytest_mtls.own_config.rewriting import IN_MODULE, Rewriting
from pytest_mtls.own_config.served import Served
from pytest_mtls.own_config.targets import HTTP_RECORDER, RECORDER_VARIABLE, STREAM_RECORDER, Targets
from pytest_mtls.own_config.tree import Tree

_PLACE = re.compile(r"in (\S+?):(\d+)")


@dataclass(frozen=True, slots=True)
class OwnConfiguration:
    """Every file of it as it runs, but for addresses, which an engine decides.

    Attributes:
        path: of the main file, as the user named it.
        main: its text.
        texts: the included files, by name and text.
        files: what they name: certificates, keys, pages.
        listeners: a spec for each, the default one first; the number in the text of each.
        written: the address of each listener as it is written.
        changes: what runs otherwise than it is written.
    """

    path: str
    main: str
    texts: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, BundleFile], ...]
    listeners: tuple[ServerSpec, ...]
    numbers: tuple[int, ...]
    written: tuple[str, ...]
    changes: tuple[Change, ...]

    def specs(self) -> tuple[ServerSpec, ...]:
        """One for each listener, the default one first."""
        return tuple(dataclasses.replace(each, own=self) for each in self.listeners)

    def in_order_of(self, former: OwnConfiguration) -> OwnConfiguration:
        """The same, with its listeners in the order of the one that runs, whose sockets it takes over.

        Raises:
            InvalidArgument: it does not listen on the same addresses.
        """
        if sorted(self.written) != sorted(former.written):
            raise InvalidArgument(
                f"update() cannot change what is listened on: {', '.join(former.written)} before, "
                f"{', '.join(self.written)} now in {self.path}; ask mtls_nginx_factory for another server."
            )
        order = [self.written.index(each) for each in former.written]
        return dataclasses.replace(
            self,
            listeners=tuple(self.listeners[each] for each in order),
            numbers=tuple(self.numbers[each] for each in order),
            written=former.written,
        )

    def position(self, wanted: str | int) -> int:
        """Which listener is meant.

        Raises:
            InvalidArgument: none of that address, or several.
        """
        asked = str(wanted)
        exact = [number for number, each in enumerate(self.written) if each in (asked, listening.address(asked))]
        found = exact or [number for number, each in enumerate(self.written) if each.rpartition(":")[2] == asked]
        if len(found) != 1:
            what = "several listeners" if found else "no listener"
            raise InvalidArgument(f"{self.path} has {what} {asked!r}; there are: {', '.join(self.written)}.")
        return found[0]

    def bundle(self, build: NginxBuild, layout: Layout) -> Bundle:
        """The files as that nginx reads them."""
        places = {IN_MODULE[Protocol.HTTP]: self._in_http(build, layout), IN_MODULE[Protocol.STREAM]: " "}
        places[IN_MODULE[Protocol.STREAM]] += " ".join(ours.stream_head(build, layout))
        for number, listen in zip(self.numbers, layout.listen, strict=True):
            places[f"\x01L{number}\x01"] = listen
            places[f"\x01T{number}\x01"] = listen if ":" in listen else f"127.0.0.1:{listen}"
        places |= {HTTP_RECORDER: layout.http_recorder, STREAM_RECORDER: layout.stream_recorder}
        stream = any(each.protocol is Protocol.STREAM for each in self.listeners)
        head = [*(ours.modules(build) if stream else ()), *ours.main_head(self.listeners, build, layout)]
        # On one line with the user's first: line numbers stay theirs.
        main = " ".join([*head, _filled(self.main, places)])
        texts = {name: BundleFile(_filled(text, places).encode()) for name, text in self.texts}
        return Bundle(main, texts | dict(self.files))

    def _in_http(self, build: NginxBuild, layout: Layout) -> str:
        recorder = f"map $remote_addr {RECORDER_VARIABLE} {{ default {HTTP_RECORDER}; }}"
        used = any(RECORDER_VARIABLE in text for text in (self.main, *(text for _, text in self.texts)))
        head = [
            *ours.http_head(build, layout),
            *([recorder.replace(HTTP_RECORDER, layout.http_recorder)] if used else ()),
        ]
        return " " + " ".join(head)

    def in_their_words(self, said: str) -> str:
        """nginx's message with the user's files in place of those it was given."""
        known = {ours.CONFIG: Path(self.path).name} | {name: name.partition("~")[0] for name, _ in self.texts}

        def place(found: re.Match[str]) -> str:
            for name, theirs in sorted(known.items(), key=lambda each: -len(each[0])):
                if found[1].endswith(f"/{name}"):
                    return f"in {Path(self.path).parent / theirs}:{found[2]}"
            return found[0]

        return _PLACE.sub(place, said)


def _filled(text: str, places: Mapping[str, str]) -> str:
    for marker, value in places.items():
        text = text.replace(marker, value)
    return text


def load(path: Path, *, mint: Mint, upstreams: Mapping[str, Any], port: int, **rest: Any) -> OwnConfiguration:
    """Read a configuration and everything it includes, and change what must be.

    Args:
        path: its main file.
        mint: for the files it names.
        upstreams: where requests go, by the name of an ``upstream`` or the target as it is written.
        port: for the default listener; 0 is a free one.
        rest: further attributes of each listener's spec.

    Raises:
        InvalidArgument: file and line say what cannot be.
    """
    tree = Tree.of(path, mint.files)
    listeners = listening.find(tree)
    if not listeners:
        raise InvalidArgument(f"{path}: nothing listens; there is no server in http {{}} or stream {{}}.")
    targets = Targets(upstreams, listeners.values())
    targets.learn(tree)
    served = Served(tree)
    rewriting = Rewriting(tree, listeners, targets, mint, served)
    main = rewriting.main()
    _all_used("files", mint.files, {*mint.used, *tree.used})
    _all_used("upstreams", upstreams, targets.used, [name for _, name in targets.groups])
    ordered = sorted(listeners.values(), key=lambda each: (not each.tls, each.number))
    return OwnConfiguration(
        path=str(path),
        main=main,
        texts=tuple(rewriting.texts.items()),
        files=(
            *((each.name, each.file) for each in mint.made.values()),
            *((name, BundleFile(content)) for name, content in served.files.items()),
        ),
        listeners=tuple(_spec(each, port if each is ordered[0] else 0, rest) for each in ordered),
        numbers=tuple(each.number for each in ordered),
        written=tuple(each.written for each in ordered),
        changes=tuple(rewriting.changes),
    )


def _spec(listener: OwnListener, port: int, rest: Mapping[str, Any]) -> ServerSpec:
    return ServerSpec(
        blocks=tuple(listener.blocks),
        protocol=listener.protocol,
        http2=listener.http2,
        port=port,
        tls=listener.tls,
        **rest,
    )


def _all_used(argument: str, given: Iterable[str], used: Iterable[str], known: Iterable[str] = ()) -> None:
    known = [*known]
    for name in given:
        if name not in used:
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise InvalidArgument(
                f"{argument}[{name!r}]: the configuration names nothing like that.{hint} "
                "Write it as it stands in the file."
            )
