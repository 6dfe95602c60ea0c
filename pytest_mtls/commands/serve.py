"""``pytest-mtls serve``: one server, kept up until Ctrl-C, and commands that ask it."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import (
    Commands,
    add_command,
    add_engine_option,
    add_server_options,
    print_json,
    server_arguments,
)
from pytest_mtls.errors import ServerGone, WorkspaceUnavailable
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.terminal import Paint

if TYPE_CHECKING:
    from pytest_mtls.commands.traffic import Traffic
    from pytest_mtls.harness import Harness
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.files import CredentialFiles
    from pytest_mtls.server import NginxServer

_STATES: Final = (CredentialState.VALID, CredentialState.NONE, CredentialState.EXPIRED, CredentialState.UNKNOWN_CA)
_TITLES: Final = {
    CredentialState.VALID: "a valid certificate",
    CredentialState.NONE: "no certificate",
    CredentialState.EXPIRED: "an expired certificate",
    CredentialState.UNKNOWN_CA: "a certificate of an unknown CA",
}
_REFRESH_SECONDS: Final = 0.1
_SERVER_CA: Final = "server-ca.pem"


@dataclass(frozen=True, slots=True)
class _Way:
    """How to come to the server: with a credential, whose files are where the commands find them."""

    state: CredentialState
    files: CredentialFiles | None
    commands: Mapping[str, str]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "serve",
        run,
        summary="keep one server up until Ctrl-C, and print commands that ask it",
        more="The commands work as printed while the server is up. Then each request is shown as it comes in.",
        example="pytest-mtls serve --verify optional\n  pytest-mtls serve --verify on --crl --tls 1.3 --port 8443",
    )
    add_server_options(parser)
    add_engine_option(parser, default="auto")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="put the credentials there, to stay (default: a temporary folder)"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes.

    Raises:
        ServerGone: nginx ended by itself.
        WorkspaceUnavailable: the credentials cannot be written.
    """
    # Before anything is announced: CPython dies of a SIGINT that comes while a class is made, even if it is handled.
    from pytest_mtls.commands.traffic import Traffic
    from pytest_mtls.harness import Harness

    arguments = server_arguments(options)
    with Harness.open(options.engine) as harness, _folder(options.folder) as folder:
        (server,) = harness.start([arguments], shared=True)
        ways = _write(harness, server, folder)
        traffic = Traffic(server)
        if options.json:
            print_json(_as_json(harness, server, folder, ways))
        else:
            _print_ways(harness, server, ways, Paint.for_stream(sys.stdout))
        _stay(server, traffic, show=not options.json)
    return 0


@contextlib.contextmanager
def _folder(asked: Path | None) -> Iterator[Path]:
    """The folder that was asked for, which stays, or a temporary one, which goes however this process ends."""
    from pytest_mtls.engines.cleanup import Guard, make_folder, remove_folder

    if asked is not None:
        yield asked.absolute()
        return
    folder, guard = make_folder(), Guard()
    try:
        guard.watch_folder(folder)
        yield folder
    finally:
        remove_folder(folder)
        guard.forget_folder(folder)
        guard.close()


def _write(harness: Harness, server: NginxServer, folder: Path) -> list[_Way]:
    from pytest_mtls.pki.files import make_private_folder, write_private

    try:
        make_private_folder(folder)
        write_private(folder / _SERVER_CA, harness.ca.certificate_pem)
        return [_way(server, state, harness.credentials[state], folder) for state in _STATES]
    except OSError as error:
        raise WorkspaceUnavailable(
            f"Tried to write the credentials into {folder}, saw: {error.strerror or error}. "
            "Name a folder that can be written with --folder, or leave it out for a temporary one."
        ) from error


def _way(server: NginxServer, state: CredentialState, credential: Credential | None, folder: Path) -> _Way:
    files = credential.write_to(folder) if credential is not None else None
    ca = folder / _SERVER_CA
    openssl = ["openssl", "s_client", "-quiet", "-connect", f"{server.host}:{server.port}", "-servername", "localhost"]
    openssl += ["-CAfile", str(ca), "-verify_return_error"]
    if files is not None:
        openssl += ["-cert", str(files.certificate), "-key", str(files.key)]
    if server.spec.protocol is Protocol.STREAM:
        # An echo never ends by itself, so the client has to: a moment later, or it would not see the answer.
        commands = {"openssl": f"(echo ping; sleep 1) | {shlex.join([*openssl, '-no_ign_eof'])}"}
    else:
        commands = {
            "curl": shlex.join(server.curl(credential, folder=str(folder))),
            "openssl": rf"printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' | {shlex.join(openssl)}",
            "python": shlex.join([sys.executable, "-c", _requests_script(server.url, files, ca)]),
        }
    return _Way(state, files, commands)


def _requests_script(url: str, files: CredentialFiles | None, ca: Path) -> str:
    # Double quotes inside: the shell gets it all in single ones. trust_env would let a proxy of the user's in.
    cert = f', cert=("{files.chain}", "{files.key}")' if files is not None else ""
    return (
        "import requests; s = requests.Session(); s.trust_env = False; "
        f'r = s.get("{url}/", verify="{ca}"{cert}); print(r.status_code, r.text)'
    )


def _as_json(harness: Harness, server: NginxServer, folder: Path, ways: list[_Way]) -> dict[str, object]:
    return {
        "url": server.url,
        "host": server.host,
        "port": server.port,
        "verify": str(server.spec.default.verify),
        "engine": harness.engine.name,
        "nginx": server.version,
        "openssl": server.openssl_version,
        "folder": str(folder),
        "server_ca": str(folder / _SERVER_CA),
        "credentials": {
            str(way.state): {
                "certificate": str(way.files.certificate),
                "key": str(way.files.key),
                "chain": str(way.files.chain),
                "pkcs12": str(way.files.pkcs12),
            }
            for way in ways
            if way.files is not None
        },
        "commands": {str(way.state): dict(way.commands) for way in ways},
    }


def _print_ways(harness: Harness, server: NginxServer, ways: list[_Way], paint: Paint) -> None:
    verify = server.spec.default.verify
    print(f"{paint(server.url, 'bold', 'green')}  ssl_verify_client {verify}")
    print(f"nginx {server.version}, OpenSSL {server.openssl_version}, in engine {harness.engine.name} ({harness.why})")
    for way in ways:
        print("\n" + paint(f"# with {_TITLES[way.state]}", "cyan"))
        for command in way.commands.values():
            print(command)
    print("\n" + paint("Requests are shown as they come in. Ctrl-C ends it.", "bold"), flush=True)


def _stay(server: NginxServer, traffic: Traffic, *, show: bool) -> None:
    """Look at the log now and then until a signal unwinds this.

    Raises:
        ServerGone: nginx ended by itself.
    """
    paint = Paint.for_stream(sys.stdout)
    while not traffic.ended:
        for request in traffic.new():
            if show:
                print(request.line(paint), flush=True)
        time.sleep(_REFRESH_SECONDS)
    last = "\n".join(server.log[-5:])
    raise ServerGone(f"nginx at {server.url} ended by itself ({traffic.ended}). It logged last:\n{last}")
