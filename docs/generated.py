"""What pages take from the code, as Markdown: a comment ``<!-- generated: NAME -->`` says where it goes.

Tables that a reader on GitHub needs are committed between that comment and ``<!-- end -->``, and a test compares them;
``python -m docs.generated`` writes them anew. The others are put in when the site is built.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest_mtls.errors
from pytest_mtls import CredentialState, Harness, Outcome, ServerArguments, VerifyMode

DOCS: Final = Path(__file__).parent

_PLACE: Final = re.compile(r"<!-- generated: ([a-z-]+) -->\n(?:.*?<!-- end -->\n)?", re.S)
_ENTRY: Final = re.compile(r"^(\w+): (.*(?:\n {4}.*)*)", re.M)
_MODES: Final = tuple(VerifyMode)


def arguments() -> str:
    """Each argument of the marker and the factory, from the docstrings of the class that holds them."""
    said = {name: text for each in reversed(ServerArguments.__mro__) for name, text in _attributes(each)}
    rows = []
    for each in fields(ServerArguments):
        meaning, _, default = said[each.name].partition(" Default: ")
        rows.append((f"`{each.name}`", meaning, default.rstrip(".")))
    return _table(("argument", "meaning", "default"), rows)


def credential_states() -> str:
    """What each of the cast shows."""
    return _table(("state", "what is shown"), ((f"`{each}`", each.description) for each in CredentialState))


def options() -> str:
    """The options of pytest, as ``pytest --help`` has them."""
    from pytest_mtls.options import add_options

    recorder = _OptionRecorder()
    add_options(recorder)  # type: ignore[arg-type]
    rows = [
        (f"`{name}`", recorder.help[name], ", ".join(f"`{each}`" for each in recorder.choices[name]))
        for name in recorder.help
    ]
    twins = ", ".join(f"`{name}`" for name in recorder.ini)
    return f"{_table(('option', 'what it does', 'values'), rows)}\nIn an ini-file: {twins}.\n"


def errors() -> str:
    """Directives for each error, in the order of their module."""
    there = [name for name, each in vars(pytest_mtls.errors).items() if inspect.isclass(each)]
    names = [name for name in there if name in pytest_mtls.__all__]
    lines = [".. currentmodule:: pytest_mtls", *(f".. autoexception:: {name}" for name in names)]
    return "\n\n".join(("```{eval-rst}", *lines, "```\n"))


def causes() -> str:
    """Each cause that `pytest-mtls explain` knows."""
    from pytest_mtls.causes import CAUSES
    from pytest_mtls.stage import catalogue

    pages = {name.replace("-", "_"): name for name in catalogue.names()}
    rows = []
    for each in CAUSES:
        page = pages.get(each.identifier.lower().replace("-", "_"))
        name = f"[{each.identifier}](../scenarios/{page}.md)" if page else f"`{each.identifier}`"
        rows.append((name, each.sentence, each.remedy))
    return _table(("cause", "what happens", "what to do"), rows)


def truth(harness: Harness) -> str:
    """Credential by mode, measured now on the default nginx of a harness."""
    plain = {mode: harness.nginx(verify=mode) for mode in _MODES}
    revoking = {mode: harness.nginx(verify=mode, crl=True) for mode in _MODES}
    rows = []
    for state in CredentialState:
        servers = revoking if state in (CredentialState.REVOKED, CredentialState.REVOKED_INTERMEDIATE) else plain
        answers = [cell(servers[mode].request(credential=harness.credentials[state])) for mode in _MODES]
        rows.append((f"`{state}`", *answers))
    for server in (*plain.values(), *revoking.values()):
        harness.discard(server)
    return _table(("shown", *(f"`{mode}`" for mode in _MODES)), rows)


def cell(outcome: Outcome) -> str:
    """An outcome in a few words."""
    if outcome.alert:
        return f"TLS alert {outcome.alert}"
    if not outcome.accepted:
        reason = (outcome.reason or "").replace("_", " ")
        return f"**{outcome.status}** ({outcome.internal_status}) {reason}"
    code = f" ({outcome.verify_code})" if outcome.verify_code else ""
    return f"{outcome.status} {(outcome.verify or '').partition(':')[0]}{code}"


COMMITTED: Final[Mapping[str, Callable[[], str]]] = {"arguments": arguments, "credential-states": credential_states}
BUILT: Final[Mapping[str, Callable[[], str]]] = {"options": options, "causes": causes, "errors": errors}


def filled(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A page with those parts put in; others stay as they are."""

    def part(place: re.Match[str]) -> str:
        name = place[1]
        if name not in parts:
            return place[0]
        return f"<!-- generated: {name} -->\n{parts[name]()}<!-- end -->\n"

    return _PLACE.sub(part, text)


def pages() -> Iterator[Path]:
    """Those with committed parts."""
    yield from (path for path in sorted(DOCS.rglob("*.md")) if "<!-- end -->" in path.read_text(encoding="utf-8"))


class _OptionRecorder:
    """Stands where pytest's parser would, and keeps what it is told."""

    def __init__(self) -> None:
        self.help: dict[str, str] = {}
        self.choices: dict[str, tuple[str, ...]] = {}
        self.ini: list[str] = []

    def getgroup(self, *_: str) -> _OptionRecorder:
        return self

    def addoption(self, name: str, *, help: str, metavar: str = "", choices: Iterable[str] = (), **_: Any) -> None:
        shown = f"{name}={metavar}" if metavar else name
        self.help[shown], self.choices[shown] = help, tuple(choices)

    def addini(self, name: str, help: str, **_: Any) -> None:
        self.ini.append(name)


def _attributes(of: type) -> Iterator[tuple[str, str]]:
    """The entries of a docstring's section "Attributes"."""
    section = inspect.cleandoc(of.__doc__ or "").partition("\nAttributes:\n")[2]
    for name, text in _ENTRY.findall(inspect.cleandoc(section)):
        yield name, re.sub(r"\s+", " ", text).replace("``", "`")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(head)
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(each.replace('|', chr(92) + '|') for each in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with Harness.open("process") as harness:
        every = {**COMMITTED, "truth": lambda: truth(harness)}
        for path in pages():
            path.write_text(filled(path.read_text(encoding="utf-8"), every), encoding="utf-8")
