"""``pytest-mtls ...``: parsing and dispatch. What each command does lives in ``commands``.

Exit statuses: 0 all is well, 1 something failed or was found, 2 what was asked cannot be understood, 130 and 143 ended
by SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Final, NoReturn

from pytest_mtls import __version__
from pytest_mtls.commands import (
    audit,
    clients,
    compare,
    config,
    demo,
    doctor,
    explain,
    export,
    mint,
    scenarios,
    serve,
    sweep,
    table,
)
from pytest_mtls.commands.options import Parser, described
from pytest_mtls.errors import InvalidArgument, MtlsError
from pytest_mtls.report.terminal import wrapped

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 128 + signal.SIGINT
TERMINATED: Final = 128 + signal.SIGTERM

_EXAMPLE: Final = """\
pytest-mtls demo
  pytest-mtls serve --verify optional
  pytest-mtls COMMAND --help"""


class _Terminated(BaseException):
    """SIGTERM came: unwinds as Ctrl-C does, so that whatever is up is taken down."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; those of this process by default.

    Returns:
        The exit status.

    Raises:
        SystemExit: from argparse, for ``--help``, ``--version`` and arguments it does not know.
    """
    arguments = _parser().parse_args(argv)
    try:
        with _unwinding_on_sigterm():
            status: int = arguments.run(arguments)
            sys.stdout.flush()
    except MtlsError as error:
        print(wrapped(f"pytest-mtls {arguments.command}: {error}", sys.stderr), file=sys.stderr)
        return USAGE if isinstance(error, InvalidArgument) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pytest-mtls",
        **described("Test client-certificate checking on a real nginx.", _EXAMPLE),
    )
    parser.add_argument("--version", action="version", version=f"pytest-mtls {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    first = (demo, serve, audit, compare, table, clients, scenarios)
    for command in (*first, config, mint, explain, export, doctor, sweep):
        command.add_to(commands)
    return parser


@contextlib.contextmanager
def _unwinding_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise in the main thread; elsewhere Python does not allow handlers, and nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    former = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
