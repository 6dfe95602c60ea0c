"""``pytest-mtls compare``: which answers differ between two nginx, or two configurations."""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import (
    Commands,
    add_command,
    add_engine_option,
    add_substitutes,
    check_writable,
    print_json,
    write,
)
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.report.terminal import Paint, Progress, terminal_width, wrapped

if TYPE_CHECKING:
    from pytest_mtls.comparison.comparing import Comparison
    from pytest_mtls.comparison.difference import Difference, Kind

_WIDEST: Final = 120
_FEW: Final = 3
_TITLES: Final = {
    "start": "Does nginx start?",
    "place": "What is served",
    "answer": "What clients get",
    "received": "What the application receives",
    "warning": "What nginx warns of at its start",
    "wording": "Wording only",
}


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "compare",
        run,
        summary="ask several nginx, or several configurations, the same, and say which answers differ",
        more="For the day before an upgrade. Every place of the configuration is asked with every kind of certificate\n"
        "and of subject, both versions of TLS, forged and long headers, other names and none; the recorder in place\n"
        "of the application says what it received. Exit status: 0 no difference, 1 differences.",
        example="pytest-mtls compare nginx.conf --nginx bookworm --nginx trixie\n"
        "  pytest-mtls compare deploy/nginx.conf new/nginx.conf\n"
        "  pytest-mtls compare nginx.conf --nginx bookworm --nginx bundled --html upgrade.html",
    )
    add = parser.add_argument
    add("config", type=Path, nargs="+", metavar="NGINX.CONF", help="the main file; several are compared on one nginx")
    add("--nginx", action="append", default=[], metavar="NAME", help="bundled (default), bullseye, bookworm, trixie, "
        "forky, the path of a binary, or (--engine docker) an image; repeat it to compare them")  # fmt: skip
    add("--html", type=Path, metavar="FILE", help="write one page rather than print it")
    add_substitutes(parser)
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Compare, then write or print."""
    from pytest_mtls.comparison.comparing import compare
    from pytest_mtls.comparison.page import comparison_page
    from pytest_mtls.comparison.side import sides_of
    from pytest_mtls.harness import Harness

    paths, names = _asked(options.config, options.nginx)
    if options.html:
        check_writable("--html", options.html, suffix=".html")
    started = time.monotonic()
    with Harness.open(options.engine) as harness, Progress("questions") as progress:
        sides = sides_of(harness, paths, names, files=options.files or {}, upstreams=options.upstreams or {})
        found = compare(sides, progress=progress.show)
        seconds = time.monotonic() - started
        if options.html:
            write("--html", options.html, comparison_page(found))
        if options.json:
            print_json(found.to_json())
        else:
            for line in _printed(found, seconds, brief=bool(options.html)):
                print(wrapped(line, sys.stdout))
    if options.html and not options.json:
        print(f"Written to {options.html}")
    return 1 if found.differences else 0


def _asked(paths: Sequence[Path], nginx: Sequence[str]) -> tuple[list[Path], list[str | None]]:
    for path in paths:
        if not path.is_file():
            raise InvalidArgument(f"{path}: there is no such file.")
    distinct: list[Path] = list(dict.fromkeys(paths))
    names: list[str | None] = list(dict.fromkeys(nginx))
    if len(distinct) > 1 and len(names) > 1:
        raise InvalidArgument("Several configurations are compared on one nginx, or one configuration on several.")
    if len(distinct) * max(1, len(names)) < 2:
        raise InvalidArgument(
            "There is nothing to compare with: name a second configuration, or several nginx: "
            "--nginx bookworm --nginx trixie."
        )
    return distinct, names or [None]


def _printed(found: Comparison, seconds: float, *, brief: bool) -> Iterator[str]:
    from pytest_mtls.comparison.difference import Kind

    paint = Paint.for_stream(sys.stdout)
    for kind in () if brief else Kind:
        yield from _section(kind, [each for each in found.differences if each.kind is kind], paint)
    for text in found.unsteady:
        yield f"{paint('not compared', 'dim')}: {text} changes with every request"
    for text in found.untried:
        yield f"{paint('not asked', 'dim')}: {text}"
    number = len(found.differences)
    verdict = paint(f"{number or 'no'} difference{'s' * (number != 1)}", "bold", "red" if number else "green")
    runs = "; ".join(f"{each.label} is {each.build}" for each in found.sides)
    places = f"{len(found.places)} place{'s' * (len(found.places) != 1)}"
    yield f"{verdict}; {found.requests} requests each at {places} in {seconds:.1f} s. {runs}."


def _section(kind: Kind, differences: Sequence[Difference], paint: Paint) -> Iterator[str]:
    if differences:
        yield f"{paint(_TITLES[str(kind)], 'bold', 'cyan')}"
    for each in differences:
        yield ""
        yield from _difference(each, paint)
    if differences:
        yield ""


def _difference(each: Difference, paint: Paint) -> Iterator[str]:
    if each.aspect not in ("start", "place", "answer", "warning"):
        yield f"  {paint(each.aspect, 'bold')}"
    for value, sides in each.by_value.items():
        yield from _labelled(", ".join(sides), value.replace("\n", " ") or '""', paint)
    places = list(each.places.items())
    for place, questions in places[:_FEW]:
        yield from _wrapped(f"at {place}: {_some(questions)}")
    if len(places) > _FEW:
        yield from _wrapped(f"and at {_more(len(places) - _FEW, 'place')}")
    if each.because:
        yield from _wrapped(f"why: {each.because}", paint, "dim")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")


def _more(number: int, what: str) -> str:
    return f"{number} more {what}{'s' * (number != 1)}"


def _labelled(label: str, text: str, paint: Paint) -> Iterator[str]:
    first, *rest = _lines(f"{label}: {text}", 4)
    yield first.replace(f"{label}:", paint(f"{label}:", "bold"), 1)
    yield from rest


def _wrapped(text: str, paint: Paint | None = None, *styles: str) -> Iterator[str]:
    for line in _lines(text, 6):
        yield paint(line, *styles) if paint else line


def _lines(text: str, indent: int) -> list[str]:
    width = min(terminal_width(), _WIDEST)
    return textwrap.wrap(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
