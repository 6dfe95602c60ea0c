"""``pytest-mtls config``: the nginx.conf that arguments would give, or a configuration of one's own as it would run."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import (
    Commands,
    add_command,
    add_config_option,
    add_engine_option,
    add_server_options,
    print_json,
    server_arguments,
)
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.own_config.configuration import OwnConfiguration
from pytest_mtls.report.terminal import wrapped

if TYPE_CHECKING:
    from pytest_mtls.nginx.build import NginxBuild
    from pytest_mtls.nginx.bundle import Bundle
    from pytest_mtls.nginx.spec import ServerSpec

_PORT: Final = 8443
_RECORDERS: Final = ("127.0.0.1:8080", "127.0.0.1:8081")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "config",
        run,
        summary="print the nginx.conf that arguments would give, or your own as it would run",
        more=f"Nothing is started. It listens on port {_PORT} unless --port says otherwise, and what lies behind is\n"
        "http://127.0.0.1:8080; files are named relative to nginx's prefix. Further listeners of your own\n"
        "configuration get the ports after that one.",
        example="pytest-mtls config --verify optional_no_ca --depth 2\n"
        "  pytest-mtls config --config deploy/nginx.conf --changes",
    )
    add_server_options(parser)
    add_config_option(parser)
    parser.add_argument(
        "--changes", action="store_true", help="with --config: print what runs otherwise than it is written, and why"
    )
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Print it."""
    from pytest_mtls.harness import Harness

    if options.changes and not options.config:
        raise InvalidArgument("--changes goes with --config nginx.conf: nothing else is changed.")
    arguments = server_arguments(options)
    with Harness.open(options.engine, **({"nginx": options.nginx} if options.nginx else {})) as harness:
        build = harness.build
        spec = harness.resolve(arguments)
        bundle = _bundle(spec, build)
    own = spec.own if isinstance(spec.own, OwnConfiguration) else None
    changes = [str(each) for each in own.changes] if own else []
    if options.json:
        files = {name: {"secret": file.secret, "size": len(file.content)} for name, file in bundle.files.items()}
        own_part = {"includes": _included(own, bundle), "changes": changes} if own else {}
        print_json({"nginx": build.version, "config": bundle.config, "files": files, **own_part})
    elif options.changes:
        for line in changes:
            print(wrapped(line, sys.stdout, indent="  "))
    else:
        print(bundle.config, end="")
        for name, text in (_included(own, bundle) if own else {}).items():
            print(f"\n# configuration file {name}:\n{text}", end="")  # as nginx -T has it
    return 0


def _included(own: OwnConfiguration, bundle: Bundle) -> dict[str, str]:
    return {name: bundle.files[name].content.decode() for name, _ in own.texts}


def _bundle(spec: ServerSpec, build: NginxBuild) -> Bundle:
    from pytest_mtls.nginx.bundle import Layout, make_bundle

    http, stream = _RECORDERS
    layout = Layout(
        listen=[f"127.0.0.1:{(spec.port or _PORT) + number}" for number in range(len(spec.all_listeners))],
        error_log="error.log",
        access_log="access.log",
        http_recorder=http,
        stream_recorder=stream,
    )
    return make_bundle(spec.all_listeners, build, layout)
