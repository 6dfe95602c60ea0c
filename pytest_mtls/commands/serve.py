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
    add_config_option,
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
class _Listening:
    """One listener.

    Attributes:
        written: its address in the user's own configuration; ``""`` where there is none.
        server: what answers there.
        ways: to come to it.
    """

    written: str
    server: NginxServer
    ways: tuple[_Way, ...]


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
        example="pytest-mtls serve --verify optional\n  pytest-mtls serve --verify on --crl --tls 1.3 --port 8443\n"
        "  pytest-mtls serve --config deploy/nginx.conf",
    )
    add_server_options(parser)
    add_config_option(parser)
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
        listening = _write(harness, server, folder)
        traffic = Traffic(server)
        if options.json:
            print_json(_as_json(harness, server, folder, listening))
        else:
            _print_ways(harness, server, listening, Paint.for_stream(sys.stdout))
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


def _write(harness: Harness, server: NginxServer, folder: Path) -> list[_Listening]:
    from pytest_mtls.pki.files import make_private_folder, write_private

    try:
        make_private_folder(folder)
        write_private(folder / _SERVER_CA, harness.ca.certificate_pem)
        return [
            _Listening(
                written,
                each,
                tuple(
                    _way(each, state, harness.credentials[state] if each.spec.tls else None, folder)
                    for state in (_STATES if each.spec.tls else (CredentialState.NONE,))
                ),
            )
            for written, each in _listeners(server)
        ]
    except OSError as error:
        raise WorkspaceUnavailable(
            f"Tried to write the credentials into {folder}, saw: {error.strerror or error}. "
            "Name a folder that can be written with --folder, or leave it out for a temporary one."
        ) from error


def _listeners(server: NginxServer) -> list[tuple[str, NginxServer]]:
    """The default one first."""
    found = [(written, server.listener_for(written)) for written in server.listeners]
    return sorted(found, key=lambda each: each[1] is not server) or [("", server)]


def _way(server: NginxServer, state: CredentialState, credential: Credential | None, folder: Path) -> _Way:
    files = credential.write_to(folder) if credential is not None else None
    ca = folder / _SERVER_CA
    if not server.spec.tls:
        plain = {} if server.spec.protocol is Protocol.STREAM else {"curl": shlex.join(server.curl(folder=str(folder)))}
        return _Way(state, None, plain)
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


def _as_json(harness: Harness, server: NginxServer, folder: Path, listening: list[_Listening]) -> dict[str, object]:
    ways = listening[0].ways
    own = {
        "listeners": {each.written: _listener_as_json(each) for each in listening},
        "changes": [str(each) for each in server.changes],
    }
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
        **(own if listening[0].written else {}),
    }


def _listener_as_json(each: _Listening) -> dict[str, object]:
    server = each.server
    return {
        "url": _url(each),
        "protocol": str(server.spec.protocol),
        "tls": server.spec.tls,
        "names": [name for block in server.spec.blocks for name in block.names if name != "_"],
        "verify": [str(block.verify) for block in server.spec.blocks],
        "commands": {str(way.state): dict(way.commands) for way in each.ways},
    }


def _url(each: _Listening) -> str:
    server = each.server
    return server.url if server.spec.protocol is Protocol.HTTP else f"localhost:{server.port}"


def _print_ways(harness: Harness, server: NginxServer, listening: list[_Listening], paint: Paint) -> None:
    runs = f"nginx {server.version}, OpenSSL {server.openssl_version}, in engine {harness.engine.name} ({harness.why})"
    if not listening[0].written:
        print(f"{paint(server.url, 'bold', 'green')}  ssl_verify_client {server.spec.default.verify}")
        print(runs)
        for way in listening[0].ways:
            print("\n" + paint(f"# with {_TITLES[way.state]}", "cyan"))
            for command in way.commands.values():
                print(command)
    else:
        print(runs)
        for change in server.changes:
            print(f"{paint('changed', 'yellow')}: {change}")
        for each in listening:
            _print_listener(each, paint)
    print("\n" + paint("Requests are shown as they come in. Ctrl-C ends it.", "bold"), flush=True)


def _print_listener(each: _Listening, paint: Paint) -> None:
    server = each.server
    modes = ", ".join(
        f"{' '.join(block.names)} {f'ssl_verify_client {block.verify}' if server.spec.tls else 'without TLS'}"
        for block in server.spec.blocks
    )
    print(f"\n{paint(_url(each), 'bold', 'green')}  listen {each.written}: {modes}")
    for way in each.ways:
        for command in list(way.commands.values())[:1]:  # there may be many listeners; --json has them all
            print(paint(f"# with {_TITLES[way.state]}", "cyan"))
            print(command)
    names = [name for block in server.spec.blocks[1:] for name in block.names if name != "_" and "*" not in name]
    if names and server.spec.protocol is Protocol.HTTP:
        scheme = "https" if server.spec.tls else "http"
        print(paint(f"# for another name, in place of {server.url}/", "cyan"))
        for name in names:
            print(f"--resolve {name}:{server.port}:127.0.0.1 {scheme}://{name}:{server.port}/")


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
