"""``pytest-mtls audit``: attack a configuration, and say what got through."""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import Commands, add_command, add_engine_option, print_json
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.report.terminal import Paint, Progress, terminal_width

if TYPE_CHECKING:
    from pytest_mtls.audit.auditing import Audit
    from pytest_mtls.audit.finding import Finding

_WIDEST: Final = 120
_GRADES: Final = ("note", "warning", "critical")
_STYLES: Final = {"critical": ("red", "bold"), "warning": ("yellow", "bold"), "note": ("cyan",)}
_NEVER: Final = "never"


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "audit",
        run,
        summary="attack every server and location of your own nginx configuration, and say what got through",
        more="The configuration runs in a real nginx, with authorities, certificates and CRLs minted in the places it\n"
        "names, and a recorder in place of your application. Each finding was demonstrated. Nothing is written to.\n"
        "Exit status: 1 where something was found at or above --fail-on, else 0.",
        example="pytest-mtls audit deploy/nginx.conf\n"
        "  pytest-mtls audit deploy/nginx.conf --protected /api --public /health --fail-on critical\n"
        "  pytest-mtls audit deploy/nginx.conf --only forged-headers --at api.example.com/admin",
    )
    add = parser.add_argument
    add("config", type=Path, metavar="NGINX.CONF", help="the main file")
    add("--protected", action="append", default=[], metavar="PREFIX", help="paths that are for holders of a "
        "certificate, such as /api or admin.example.com/; repeatable")  # fmt: skip
    add("--public", action="append", default=[], metavar="PREFIX", help="paths that are for everybody; repeatable")
    add("--only", action="append", default=[], metavar="NAME", help="one attack, or kind of finding; repeatable")
    add("--at", action="append", default=[], metavar="PLACE", help="one place, as findings name it; repeatable")
    add("--fail-on", choices=(*_GRADES, _NEVER), default="warning", help="exit with 1 from this grade on "
        "(default: %(default)s)")  # fmt: skip
    add("--nginx", metavar="NAME", help="bundled (default), bullseye, bookworm, trixie, forky, the path of a binary, "
        "or (--engine docker) an image")  # fmt: skip
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Audit, then print."""
    from pytest_mtls.audit.auditing import audit, prepare
    from pytest_mtls.audit.catalogue import chosen
    from pytest_mtls.audit.finding import Grade
    from pytest_mtls.harness import Harness

    if not options.config.is_file():
        raise InvalidArgument(f"{options.config}: there is no such file.")
    attacks = chosen(options.only)
    started = time.monotonic()
    with Harness.open(options.engine) as harness:
        ground = prepare(
            harness, options.config, protected=options.protected, public=options.public, nginx=options.nginx
        )
        with Progress("attacks") as progress:
            found = audit(ground, attacks, at=options.at, progress=progress.show)
    if options.json:
        print_json(found.to_json())
    else:
        for line in _printed(found, time.monotonic() - started):
            print(line)
    return 1 if options.fail_on != _NEVER and found.at_or_above(Grade(options.fail_on)) else 0


def _printed(found: Audit, seconds: float) -> Iterator[str]:
    paint = Paint.for_stream(sys.stdout)
    for each in found.findings:
        yield from _finding(each, found, paint)
        yield ""
    for untried in found.untried:
        yield f"{paint('not tried', 'dim')}: {untried}"
    counts = {grade: sum(each.grade == grade for each in found.findings) for grade in reversed(_GRADES)}
    said = ", ".join(f"{count} {grade}" for grade, count in counts.items() if count) or "nothing found"
    yield (
        f"{paint(said, 'bold')}; {len(found.attacks)} attacks on {len(found.places)} places in {seconds:.1f} s, "
        f"on nginx {found.nginx} with OpenSSL {found.openssl}."
    )


def _finding(each: Finding, found: Audit, paint: Paint) -> Iterator[str]:
    yield f"{paint(str(each.grade), *_STYLES[str(each.grade)])} {paint(each.rule.name, 'bold')}: {each.rule.title}"
    yield f"  {paint(f'{found.path.parent / each.file}:{each.line}', 'cyan')}: {each.written}"
    yield from _labelled("shown", f"{each.fact}.")
    for exchange in each.exchanges:
        yield from _labelled("", str(exchange))
    if len(each.places) > 1:
        yield from _labelled("also", ", ".join(each.places[1:]))
    yield from _labelled("why", each.rule.why)
    yield from _labelled("mend", each.rule.mend)
    yield from _labelled("repeat", f"pytest-mtls audit {found.path} --only {each.rule.name} --at '{each.places[0]}'")


def _labelled(label: str, text: str) -> Iterator[str]:
    width = min(terminal_width(), _WIDEST) - 10
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    yield f"  {label:7} {lines[0]}"
    yield from (f"{'':10}{line}" for line in lines[1:])
