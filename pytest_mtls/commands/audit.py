"""``pytest-mtls audit``: attack a configuration, and say what got through."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
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
    from pytest_mtls.audit.auditing import Audit
    from pytest_mtls.audit.declared import Declared
    from pytest_mtls.audit.text import Texts

_WIDEST: Final = 120
_FILES: Final = ("html", "sarif", "junit")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "audit",
        run,
        summary="attack every server and location of your own nginx configuration, and say what got through",
        more="The configuration runs in a real nginx, with authorities, certificates and CRLs minted in the places it\n"
        "names, and a recorder in place of your application. Each finding was demonstrated. Nothing is written to.\n"
        "[tool.pytest-mtls.audit] of a pyproject.toml may say protected, public and fail-on as well.\n"
        "Exit status: 1 where something was found at or above --fail-on, else 0.",
        example="pytest-mtls audit deploy/nginx.conf\n"
        "  pytest-mtls audit deploy/nginx.conf --protected /api --public /health --fail-on critical\n"
        "  pytest-mtls audit deploy/nginx.conf --only forged-headers --at api.example.com/admin\n"
        "  pytest-mtls audit deploy/nginx.conf --html audit.html --sarif audit.sarif --junit audit.xml\n"
        "  pytest-mtls audit --list",
    )
    add = parser.add_argument
    add("config", type=Path, nargs="?", metavar="NGINX.CONF", help="the main file")
    add("--list", action="store_true", help="say which attacks there are, and what each may find, and make none")
    add("--protected", action="append", default=[], metavar="PREFIX", help="paths that are for holders of a "
        "certificate, such as /api or admin.example.com/; repeatable")  # fmt: skip
    add("--public", action="append", default=[], metavar="PREFIX", help="paths that are for everybody; repeatable")
    add("--only", action="append", default=[], metavar="NAME", help="one attack, or kind of finding; repeatable")
    add("--at", action="append", default=[], metavar="PLACE", help="one place, as findings name it; repeatable")
    add("--fail-on", choices=("note", "warning", "critical", "never"), help="exit with 1 from this grade on "
        "(default: warning)")  # fmt: skip
    add("--html", type=Path, metavar="FILE", help="write one page for people as well")
    add("--sarif", type=Path, metavar="FILE", help="write SARIF 2.1.0 as well, for code scanning; paths in it are "
        "relative to the current folder")  # fmt: skip
    add("--junit", type=Path, metavar="FILE", help="write JUnit XML as well, a test case for each attack")
    add("--nginx", metavar="NAME", help="bundled (default), bullseye, bookworm, trixie, forky, the path of a binary, "
        "or (--engine docker) an image")  # fmt: skip
    add_substitutes(parser)
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Audit, then print and write."""
    if options.list:
        return _list(options)
    from pytest_mtls.audit.declared import declared_for

    _check(options)
    declared = declared_for(options.config).with_more(options.protected, options.public, options.fail_on)
    started = time.monotonic()
    found = _audited(options, declared)
    seconds = time.monotonic() - started
    _write(options, found, declared, seconds)
    if options.json:
        print_json(found.to_json())
    else:
        for line in _printed(found, seconds, _texts()):
            print(wrapped(line, sys.stdout))
        for name in _FILES:
            if path := getattr(options, name):
                print(f"Written to {path}")
    threshold = declared.threshold
    return 1 if threshold is not None and found.at_or_above(threshold) else 0


def _check(options: argparse.Namespace) -> None:
    """Before anything is started."""
    config = options.config
    if config is None:
        raise InvalidArgument("which configuration? Name its main file: pytest-mtls audit deploy/nginx.conf.")
    if not config.is_file():
        what = "that is a folder; name the main file in it" if config.is_dir() else "there is no such file"
        raise InvalidArgument(f"{config}: {what}.")
    seen = {config.resolve(): "the configuration itself"}
    for name in _FILES:
        path = getattr(options, name)
        if path is None:
            continue
        check_writable(f"--{name}", path, suffix=".html" if name == "html" else "")
        if path.resolve() in seen:
            raise InvalidArgument(f"--{name} {path}: that is {seen[path.resolve()]}; name another file.")
        seen[path.resolve()] = f"the file of --{name}"


def _audited(options: argparse.Namespace, declared: Declared) -> Audit:
    from pytest_mtls.audit.auditing import audit
    from pytest_mtls.audit.catalogue import chosen
    from pytest_mtls.ground.ground import prepare
    from pytest_mtls.harness import Harness

    attacks = chosen(options.only)
    with Harness.open(options.engine) as harness:
        ground = prepare(
            harness,
            options.config,
            protected=declared.protected,
            public=declared.public,
            nginx=options.nginx,
            files=options.files or {},
            upstreams=options.upstreams or {},
        )
        with Progress("attacks") as progress:
            return audit(ground, attacks, at=options.at, progress=progress.show)


def _write(options: argparse.Namespace, found: Audit, declared: Declared, seconds: float) -> None:
    if options.html:
        from pytest_mtls.audit.page import audit_page

        write("--html", options.html, audit_page(found))
    if options.sarif:
        from pytest_mtls.audit.sarif import as_sarif

        write("--sarif", options.sarif, as_sarif(found, Path.cwd()))
    if options.junit:
        from pytest_mtls.audit.junit import as_junit

        write("--junit", options.junit, as_junit(found, declared.threshold, seconds))


def _texts() -> Texts:
    from pytest_mtls.audit.text import Texts

    return Texts(min(terminal_width(), _WIDEST), Paint.for_stream(sys.stdout))


def _printed(found: Audit, seconds: float, texts: Texts) -> Iterator[str]:
    from pytest_mtls.audit.text import attacked, counted

    for each in found.findings:
        yield from texts.finding(found, each)
        yield ""
    yield from texts.untried(found.untried)
    if found.untried:
        yield ""
    yield (
        f"{texts.paint(counted(found), 'bold')}; {attacked(found)} in {seconds:.1f} s, "
        f"on nginx {found.nginx} with OpenSSL {found.openssl}."
    )


def _list(options: argparse.Namespace) -> int:
    from pytest_mtls.audit.catalogue import chosen

    attacks = chosen(options.only)
    if options.json:
        print_json([each.to_json() for each in attacks])
        return 0
    texts = _texts()
    for attack in attacks:
        for line in texts.attack(attack):
            print(wrapped(line, sys.stdout))
    return 0
