"""What several commands say alike: options that name a server, texts of the help, output for machines."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypedDict

from pytest_mtls.errors import InvalidArgument, WorkspaceUnavailable
from pytest_mtls.escapes import printable
from pytest_mtls.nginx.spec import TLS_VERSIONS, Protocol, VerifyMode

if TYPE_CHECKING:
    from pytest_mtls.arguments import ServerArguments

Commands = Any
"""What ``add_subparsers`` returns; argparse keeps its type to itself."""


_EXAMPLE: Final = "example:"
_INVALID_CHOICE: Final = re.compile(r"invalid choice: '(?P<given>.*)' \(choose from (?P<choices>.*)\)")


class Description(TypedDict):
    """The keyword arguments of a parser that are prose."""

    description: str
    epilog: str
    formatter_class: type[argparse.HelpFormatter]


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps to the terminal: sentences are wrapped, commands continued on the next line so that they can be pasted."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(_EXAMPLE):
            return "\n".join(self._continued(line, width) for line in text.splitlines())
        return "\n\n".join(textwrap.fill(part, width) for part in text.split("\n\n"))

    def _continued(self, line: str, width: int) -> str:
        command = line.lstrip()
        parts = textwrap.wrap(
            command,
            width - 2,
            initial_indent=line[: len(line) - len(command)],
            subsequent_indent="      ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        return " \\\n".join(parts)


class Parser(argparse.ArgumentParser):
    """Says which choice was probably meant."""

    def error(self, message: str) -> NoReturn:
        """End with what was wrong, and with how the command is called."""
        if match := _INVALID_CHOICE.search(message):
            choices = [each.strip(" '") for each in match["choices"].split(",")]
            close = difflib.get_close_matches(match["given"], choices, 1)
            message += f". Did you mean {close[0]!r}?" if close else ""
        super().error(printable(message))


def described(text: str, example: str) -> Description:
    """A parser's description, with an example at the end of its help."""
    return {
        "description": text,
        "epilog": f"{_EXAMPLE}\n  {example}",
        "formatter_class": _Help,
    }


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    summary: str,
    example: str,
    more: str = "",
) -> argparse.ArgumentParser:
    """A command of that name, done by ``run``."""
    text = summary[0].upper() + summary[1:] + "." + (f"\n\n{more}" if more else "")
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, **described(text, example))
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(run=run)
    return parser


def add_engine_option(parser: argparse.ArgumentParser, *, default: str) -> None:
    """``--engine``."""
    parser.add_argument(
        "--engine",
        choices=("auto", "docker", "process"),
        default=default,
        help="containers, a plain process, or (auto) the former where an engine answers (default: %(default)s)",
    )


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the marker that a command line can say; what is not given stays as the marker has it."""
    server = parser.add_argument_group("the server", "as the arguments of @pytest.mark.mtls")
    add = server.add_argument
    add("--verify", choices=[str(mode) for mode in VerifyMode], help="ssl_verify_client (default: on)")
    add("--tls", choices=TLS_VERSIONS, action="append", help="ssl_protocols; repeat it for both (default: both)")
    add("--depth", type=int, metavar="N", help="ssl_verify_depth (default: nginx's own, 1)")
    add("--crl", action="store_true", help="ssl_crl, with the CRLs of the whole chain")
    add("--http2", action="store_true", help="offer HTTP/2")
    add("--protocol", choices=[str(each) for each in Protocol], help="module of nginx (default: http)")
    add("--server-name", action="append", dest="server_names", metavar="NAME", help="name it answers to; repeatable")
    add("--port", type=int, metavar="N", help="port to listen on (default: a free one)")
    add("--nginx", metavar="NAME", help="bundled (default), an image, or the path of a binary")


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """``--config``."""
    parser.add_argument(
        "--config",
        metavar="NGINX.CONF",
        help="a configuration of your own, run as it is with minted certificates; of the options above only --port "
        "and --nginx go with it",
    )
    add_substitutes(parser)


def add_substitutes(parser: argparse.ArgumentParser) -> None:
    """``--file`` and ``--upstream``: what a configuration of one's own is given in place of what it names."""
    add = parser.add_argument
    add("--file", action=_Substitute, dest="files", metavar="WRITTEN=FILE", help="a file of your own for a path that "
        "the configuration names, as it is written there; minted otherwise; repeatable")  # fmt: skip
    add("--upstream", action=_Substitute, dest="upstreams", metavar="WRITTEN=TARGET", help="http://host:port for an "
        "upstream or target, as it is written; the recorder otherwise; repeatable")  # fmt: skip


class _Substitute(argparse.Action):
    """Collects ``written=instead`` in a mapping."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, default=None)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        written, separator, instead = str(values).partition("=")
        if not written or not separator or not instead:
            parser.error(f"argument {option_string}: {values!r} is not like {self.metavar}")
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), written: instead})


_SERVER_OPTIONS: Final = ("verify", "tls", "depth", "crl", "http2", "protocol", "server_names", "port", "nginx")


def server_arguments(options: argparse.Namespace, **settled: Any) -> ServerArguments:
    """The server that these options ask for.

    Args:
        options: as parsed.
        settled: arguments in place of those of the same names.

    Raises:
        InvalidArgument: a value is not allowed.
    """
    from pytest_mtls.arguments import ServerArguments
    from pytest_mtls.resolution import check_values

    given = {name: getattr(options, name) for name in _SERVER_OPTIONS} | settled
    given = {name: value for name, value in given.items() if value is not None}
    if config := getattr(options, "config", None):
        given = {name: value for name, value in given.items() if value is not False} | {"config": config}
    given |= {name: value for name in ("files", "upstreams") if (value := getattr(options, name, None))}
    arguments = ServerArguments.checked(given, where="the command line")
    check_values(arguments)
    return arguments


def print_json(value: object) -> None:
    """One JSON document, at once: whoever reads it may wait for it."""
    print(json.dumps(value, indent=2), flush=True)


def check_writable(option: str, path: Path, *, suffix: str = "") -> None:
    """Before minutes go into what is to be written.

    Args:
        option: that names the file, such as ``--html``.
        path: the file.
        suffix: how it must end; ``""`` where that is all the same.

    Raises:
        InvalidArgument: it ends otherwise.
        WorkspaceUnavailable: it cannot be written.
    """
    if suffix and path.suffix != suffix:
        raise InvalidArgument(f"{option} {path}: the name must end in {suffix}.")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise WorkspaceUnavailable(f"{option} {path}: this cannot be written. Name a file in a folder that can be.")


def write(option: str, path: Path, text: str) -> None:
    """Write what was asked for.

    Raises:
        WorkspaceUnavailable: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise WorkspaceUnavailable(f"{option} {path}: tried to write it, saw: {error.strerror or error}.") from error
