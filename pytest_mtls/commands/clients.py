"""``pytest-mtls clients``: what each client shows where nginx refuses it, measured here and now."""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import Commands, add_command, add_engine_option, print_json
from pytest_mtls.errors import ClientUnavailable, InvalidArgument
from pytest_mtls.nginx.spec import TLS_VERSIONS
from pytest_mtls.report.terminal import Cell, Paint, Progress, table, terminal_width, wrapped

if TYPE_CHECKING:
    from pytest_mtls.clients.measure import MeasuredAnswer, Missing
    from pytest_mtls.clients.situations import ClientSituation

_WIDEST: Final = 120


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "clients",
        run,
        summary="measure what curl, openssl, Go, Node, Java and Python show: client by situation",
        more="Each client that is on this machine asks a real nginx, with its own TLS; clients that did and showed\n"
        "the same are one line. What is missing is named with the command that installs it.",
        example="pytest-mtls clients\n"
        "  pytest-mtls clients --client curl --client java --tls 1.2\n"
        "  pytest-mtls clients --situation hidden-on --situation stream-revoked",
    )
    add = parser.add_argument
    add("--client", action="append", metavar="NAME", help="which (default: all that are here); repeatable; an unknown "
        "name lists what there is")  # fmt: skip
    add("--situation", action="append", metavar="NAME", help="what it meets (default: all); repeatable; an unknown "
        "name lists what there is")  # fmt: skip
    add("--tls", choices=TLS_VERSIONS, action="append", help="version of TLS (default: 1.3); repeatable")
    add("--nginx", metavar="NAME", help="bundled (default), an image, or the path of a binary")
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Measure, then print."""
    from pytest_mtls.clients.measure import available, measure
    from pytest_mtls.clients.situations import SITUATIONS
    from pytest_mtls.harness import Harness

    situations = _situations(options.situation, SITUATIONS)
    here, missing = available(list(dict.fromkeys(options.client or ())))
    if not here:
        raise ClientUnavailable("None of the clients is on this machine:\n" + "\n".join(each.why for each in missing))
    versions = sorted(set(options.tls or ["1.3"]))
    total = len(here) * len(situations) * len(versions)
    started, answers = time.monotonic(), list["MeasuredAnswer"]()
    with Harness.open(options.engine) as harness, Progress("requests") as progress:
        progress.show(0, total)
        for answer in measure(harness, here, situations, versions=versions, nginx=options.nginx):
            answers.append(answer)
            progress.show(len(answers), total)
    seconds = time.monotonic() - started
    if options.json:
        print_json({"answers": [each.to_json() for each in answers], "missing": [each.to_json() for each in missing]})
    else:
        _print(answers, missing, situations, seconds)
    return 0


def _situations(asked: Sequence[str] | None, known: Mapping[str, ClientSituation]) -> list[ClientSituation]:
    for name in asked or ():
        if name not in known:
            raise InvalidArgument.not_one_of("--situation", name, known)
    return [known[name] for name in dict.fromkeys(asked or known)]


def _print(
    answers: Sequence[MeasuredAnswer], missing: Sequence[Missing], situations: Iterable[ClientSituation], seconds: float
) -> None:
    paint = Paint.for_stream(sys.stdout)
    for situation in situations:
        for tls in dict.fromkeys(each.tls for each in answers):
            title = paint(f"{situation.name}, TLS {tls}", "bold", "cyan")
            print(wrapped(f"{title}: ssl_verify_client {situation.mode}. {situation.description}", sys.stdout))
            print()
            for line in _lines([a for a in answers if (a.situation, a.tls) == (situation.name, tls)], paint):
                print(line)
            print()
    for each in missing:
        print(wrapped(f"{paint('not measured', 'yellow')}: {each.why}", sys.stdout))
    versions = ", ".join(dict.fromkeys(f"{each.client} {each.version}" for each in answers))
    print(wrapped(f"{len(answers)} requests in {seconds:.1f} s: {versions}.", sys.stdout))


def _lines(answers: Iterable[MeasuredAnswer], paint: Paint) -> Iterator[str]:
    """A row for those that did the same and showed the same."""
    alike = defaultdict[tuple[str, str], list["MeasuredAnswer"]](list)
    for answer in answers:
        alike[answer.words, answer.shown.result].append(answer)
    rows = [
        [
            Cell(", ".join(each.client for each in group), ("bold",)),
            Cell(words, group[0].seen.meaning.styles),
            Cell(result, (), group[0].shown.text),
        ]
        for (words, result), group in alike.items()
    ]
    header = [Cell(name, ("bold",)) for name in ("client", "nginx", "the client shows")]
    yield from table(header, rows, width=min(terminal_width(), _WIDEST), paint=paint)
