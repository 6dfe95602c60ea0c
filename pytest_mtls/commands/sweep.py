"""``pytest-mtls sweep``: what dead runs left behind is removed."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from pytest_mtls.commands.options import Commands, add_command, print_json
from pytest_mtls.errors import EngineUnavailable
from pytest_mtls.report.terminal import wrapped

if TYPE_CHECKING:
    from pytest_mtls.engines.cleanup import Leftover


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "sweep",
        run,
        summary="remove what dead runs left behind",
        more="Folders with keys, nginx processes and containers whose run has ended; what a live run has stays.\n"
        "Exit status: 0 when nothing is left, 1 otherwise.",
        example="pytest-mtls sweep --dry-run",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what there is")


def run(options: argparse.Namespace) -> int:
    """Find, remove, and look again."""
    from pytest_mtls.engines.cleanup import abandoned_folders, remove_abandoned_folders

    removed: list[Leftover] = []
    if not options.dry_run:
        removed = remove_abandoned_folders()
    remaining = abandoned_folders()
    not_asked = _with_containers(removed, remaining, remove=not options.dry_run)
    # What is still there was not removed, whatever the remover thought.
    names = {each.name for each in remaining}
    removed = [each for each in removed if each.name not in names]
    if options.json:
        print_json(
            {
                "removed": [_as_json(each) for each in removed],
                "remaining": [_as_json(each) for each in remaining],
                "not_asked": not_asked,
            }
        )
    else:
        _print(removed, remaining, not_asked)
    return 1 if remaining else 0


def _with_containers(removed: list[Leftover], remaining: list[Leftover], *, remove: bool) -> str | None:
    """Add the containers to both lists; returns why no engine could be asked about them."""
    from pytest_mtls.engines.api import connect
    from pytest_mtls.engines.docker import abandoned_containers, remove_abandoned_containers

    try:
        client = connect()
        if remove:
            removed += remove_abandoned_containers(client)
        remaining += abandoned_containers(client)
        client.close()
    except EngineUnavailable as error:
        return str(error)
    return None


def _as_json(leftover: Leftover) -> dict[str, Any]:
    return {"kind": leftover.kind, "name": leftover.name, "owner": leftover.owner.pid}


def _print(removed: list[Leftover], remaining: list[Leftover], not_asked: str | None) -> None:
    for what, leftovers in (("removed", removed), ("left:", remaining)):
        for each in leftovers:
            print(wrapped(f"{what} {each.kind} {each.name} (of process {each.owner.pid})", sys.stdout, indent="  "))
    if not removed and not remaining:
        print("Nothing is left of dead runs.")
    if not_asked:
        print(wrapped(f"Containers were not looked at: {not_asked}.", sys.stdout))
