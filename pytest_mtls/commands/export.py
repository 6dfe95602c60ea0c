"""``pytest-mtls export``: a server as a folder that stands alone, for a bug report."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Final

from pytest_mtls.commands.options import (
    Commands,
    add_command,
    add_engine_option,
    add_server_options,
    print_json,
    server_arguments,
)
from pytest_mtls.escapes import printable

_DAYS: Final = 30
_MOST_DAYS: Final = 36500


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "export",
        run,
        summary="write a server to a folder that runs anywhere, for a bug report",
        more="The folder holds nginx.conf, certificates, compose.yaml, steps.sh and a README.md. It needs nginx or\n"
        "docker compose, curl and openssl, and nothing of this project. The server is started once to see that nginx\n"
        "accepts it.",
        example="pytest-mtls export --days 90 --verify optional_no_ca --crl reproducer\n"
        "  cd reproducer && nginx -p . -c nginx.conf && ./steps.sh",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    add_server_options(parser)
    add_engine_option(parser, default="process")
    parser.add_argument(
        "--days",
        type=_days,
        default=_DAYS,
        metavar="N",
        help="how long what is good now stays good: certificates and CRLs (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")


def run(options: argparse.Namespace) -> int:
    """Start the server, write it down, stop it."""
    from pytest_mtls.export.folder import check_folder
    from pytest_mtls.harness import Harness
    from pytest_mtls.pki.lasting import LastingAuthority

    check_folder(options.folder, force=options.force)
    arguments = server_arguments(options, port=None)
    with Harness.open(options.engine) as harness:
        harness.ca = LastingAuthority(lifetime=timedelta(days=options.days))
        (server,) = harness.start([arguments], shared=True)
        made = server.export_to(options.folder, port=options.port, force=options.force)
    if options.json:
        print_json({"folder": str(made.folder), "port": made.port, "steps": made.steps, "files": list(made.files)})
    else:
        print(
            f"{printable(str(made.folder))}: {len(made.files)} files, {made.steps} steps; README.md says how to run it."
        )
    return 0


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to {_MOST_DAYS}")
    return int(text)
