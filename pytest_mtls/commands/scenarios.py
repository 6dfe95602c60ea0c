"""``pytest-mtls scenarios``: known regressions, listed, shown, and run on any nginx."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import Commands, add_command, add_engine_option, described, print_json
from pytest_mtls.report.terminal import Cell, Paint, Progress, table, terminal_width, wrapped

if TYPE_CHECKING:
    from pytest_mtls.stage.running import Result
    from pytest_mtls.stage.scenario import Scenario

_WIDEST: Final = 150
_STYLES: Final = {"shows": ("yellow",), "absent": ("green",), "wrong": ("red", "bold"), "n/a": ("dim",)}
_LEGEND: Final = (
    "shows: this nginx has the problem, and the safe set-up holds; absent: it has not; n/a: it cannot be asked."
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "scenarios",
        list_them,
        summary="list, show and run known regressions of client certificates behind nginx",
        more="Each is one short file that shows a problem where an nginx has it, its absence where not, and a set-up\n"
        "that is safe on every nginx.",
        example="pytest-mtls scenarios\n"
        "  pytest-mtls scenarios show crl-expired\n"
        "  pytest-mtls scenarios run --nginx bullseye --nginx bundled\n"
        "  pytest-mtls scenarios run my_own_scenario.py",
    )
    acts = parser.add_subparsers(dest="act", metavar="show | run")
    show = acts.add_parser(
        "show", help="what one is about", **described("Show one.", "pytest-mtls scenarios show crl-expired")
    )
    show.add_argument("name", help="as the list has it, or a file")
    show.add_argument("--json", action="store_true", help="print JSON, for programs")
    show.set_defaults(run=show_one)
    play = acts.add_parser(
        "run",
        help="run some, or all",
        **described(
            "Run scenarios. Exit status: 0 where each came to what it says, 1 otherwise.",
            "pytest-mtls scenarios run crl-expired --nginx trixie",
        ),
    )
    play.add_argument("names", nargs="*", metavar="NAME", help="as the list has it, or a file; all by default")
    play.add_argument("--nginx", action="append", metavar="NAME", help="bundled (default), bullseye, bookworm, trixie, "
        "forky, the path of a binary, or (--engine docker) an image; repeatable")  # fmt: skip
    play.add_argument("--workers", type=_positive, metavar="N", help="processes that run them (default: by how many "
        "there are, and cores)")  # fmt: skip
    play.add_argument("--json", action="store_true", help="print JSON, for programs")
    add_engine_option(play, default="process")
    play.set_defaults(run=run_them)


def list_them(options: argparse.Namespace) -> int:
    """Each with its title."""
    from pytest_mtls.stage.catalogue import chosen

    every = chosen(())
    if options.json:
        print_json([_as_json(each) for each in every])
        return 0
    paint = Paint.for_stream(sys.stdout)
    rows = [[Cell(each.name, ("bold",)), Cell(each.title), Cell(each.shows.text, ("dim",))] for each in every]
    header = [Cell(text, ("bold",)) for text in ("scenario", "what happens", "shows on")]
    for line in table(header, rows, width=min(terminal_width(), _WIDEST), paint=paint):
        print(line)
    return 0


def show_one(options: argparse.Namespace) -> int:
    """All that stands in its file."""
    from pytest_mtls.stage.catalogue import named

    scenario = named(options.name)
    if options.json:
        print_json(_as_json(scenario))
        return 0
    paint = Paint.for_stream(sys.stdout)
    print(f"{paint(scenario.name, 'bold', 'cyan')}: {scenario.title}\n")
    for label, text in scenario.paragraphs:
        print(wrapped(f"{paint(label, 'bold')}: {text}", sys.stdout))
    print(f"\n{scenario.code}")
    return 0


def run_them(options: argparse.Namespace) -> int:
    """Run, and print a table: version by scenario."""
    from pytest_mtls.stage.catalogue import chosen
    from pytest_mtls.stage.workers import Performance, run_each

    nginx = list(dict.fromkeys(options.nginx or ["bundled"]))
    scenarios = chosen(options.names)
    asked = list(dict.fromkeys(options.names)) or [each.name for each in scenarios]
    performances = [Performance(name, each) for name in asked for each in nginx]
    workers = options.workers or min(os.cpu_count() or 1, 1 + len(performances) // 10)
    started = time.monotonic()
    results = []
    with Progress("scenarios") as progress:
        for result in run_each(performances, engine=options.engine, workers=workers):
            results.append(result)
            progress.show(len(results), len(performances))
    wrong = [each for each in results if each.verdict == "wrong"]
    if options.json:
        print_json({"results": [each.to_json() for each in _sorted(results, scenarios, nginx)], "wrong": len(wrong)})
    else:
        for line in _printed(results, scenarios, nginx, time.monotonic() - started):
            print(wrapped(line, sys.stdout))
    return 1 if wrong else 0


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 64")
    return int(text)


def _as_json(scenario: Scenario) -> dict[str, str]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        **{label.lower(): text for label, text in scenario.paragraphs},
        "code": scenario.code,
    }


def _sorted(results: Sequence[Result], scenarios: Sequence[Scenario], nginx: Sequence[str]) -> list[Result]:
    order = [each.name for each in scenarios]
    return sorted(results, key=lambda each: (order.index(each.scenario), nginx.index(each.nginx)))


def _printed(
    results: Sequence[Result], scenarios: Sequence[Scenario], nginx: Sequence[str], seconds: float
) -> Iterator[str]:
    paint = Paint.for_stream(sys.stdout)
    found = {(each.scenario, each.nginx): each for each in results}
    header = [Cell("scenario", ("bold",)), *(Cell(name, ("bold",)) for name in nginx)]
    rows = [
        [Cell(each.name), *(_cell(found[each.name, name]) for name in nginx)] for each in scenarios
    ]  # fmt: skip
    yield from table(header, rows, width=min(terminal_width(), _WIDEST), paint=paint)
    yield ""
    ordered = _sorted(results, scenarios, nginx)
    for each in (each for each in ordered if each.verdict == "n/a"):
        yield f"{paint('n/a', 'yellow')}: {each}: {each.why}"
    for each in (each for each in ordered if each.verdict == "wrong"):
        yield f"{paint('wrong', 'red', 'bold')}: {each}: {each.why}"
    builds = {each.nginx: f"{each.nginx} is nginx {each.nginx_version} with OpenSSL {each.openssl_version}"
              for each in ordered}  # fmt: skip
    wrong = sum(each.verdict == "wrong" for each in results)
    verdict = f"{wrong} came to something else" if wrong else "each came to what it says"
    yield f"{len(results)} in {seconds:.1f} s; {verdict}. {_LEGEND} {'; '.join(builds.values())}."


def _cell(result: Result) -> Cell:
    return Cell(str(result.verdict), _STYLES[str(result.verdict)])
