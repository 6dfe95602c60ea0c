"""``pytest-mtls config``: the nginx.conf that arguments would give, without starting anything."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import (
    Commands,
    add_command,
    add_engine_option,
    add_server_options,
    print_json,
    server_arguments,
)

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
        summary="print the nginx.conf that arguments would give",
        more=f"Nothing is started. It listens on port {_PORT} unless --port says otherwise, and what lies behind is\n"
        "http://127.0.0.1:8080; files are named relative to nginx's prefix.",
        example="pytest-mtls config --verify optional_no_ca --depth 2",
    )
    add_server_options(parser)
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Print it."""
    from pytest_mtls.harness import Harness

    arguments = server_arguments(options)
    with Harness.open(options.engine, **({"nginx": options.nginx} if options.nginx else {})) as harness:
        build = harness.build
        bundle = _bundle(harness.resolve(arguments), build)
    if options.json:
        files = {name: {"secret": file.secret, "size": len(file.content)} for name, file in bundle.files.items()}
        print_json({"nginx": build.version, "config": bundle.config, "files": files})
    else:
        print(bundle.config, end="")
    return 0


def _bundle(spec: ServerSpec, build: NginxBuild) -> Bundle:
    from pytest_mtls.nginx.bundle import Layout, make_bundle

    http, stream = _RECORDERS
    layout = Layout(
        listen=[f"127.0.0.1:{spec.port or _PORT}"],
        error_log="error.log",
        access_log="access.log",
        http_recorder=http,
        stream_recorder=stream,
    )
    return make_bundle([spec], build, layout)
