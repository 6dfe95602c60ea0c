"""``pytest-mtls mint``: a CA and credentials, written to a folder, or the openssl commands that make the same."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from pytest_mtls.commands.minting import CRL, Asked, ExistingAuthority, Minted, mint
from pytest_mtls.commands.options import Commands, add_command, print_json
from pytest_mtls.errors import InvalidArgument, WorkspaceUnavailable
from pytest_mtls.escapes import printable
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.terminal import Progress

_LONGEST_DAYS: Final = 36500


@dataclass(frozen=True, slots=True)
class _Written:
    path: Path
    what: str

    def to_json(self) -> dict[str, str]:
        return {"path": str(self.path), "what": self.what}


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "mint",
        run,
        summary="write a CA and credentials to a folder",
        more="Without --client, --server, --csr and --state it mints one client and one server for localhost.\n"
        "All files have mode 0600.",
        example="pytest-mtls mint certs --client alice bob --server app.example --crl\n"
        "  pytest-mtls mint certs --state expired,revoked --crl --force\n"
        "  pytest-mtls mint certs --csr device.csr --ca ca.pem --ca-key ca.key --passphrase-file secret\n"
        "  pytest-mtls mint certs --client alice --explain | sh",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    for option, text in (
        ("--client", "common names of clients"),
        ("--server", "DNS names or IP addresses, one server certificate each"),
        ("--intermediate", "CAs below the root, each below the one before; the last issues"),
    ):
        parser.add_argument(option, nargs="+", action="extend", default=[], metavar="NAME", help=text)
    parser.add_argument(
        "--csr",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="sign these requests (PEM or DER) as clients; subject and alternative names are theirs",
    )
    parser.add_argument(
        "--state",
        type=_names,
        action="extend",
        default=[],
        metavar="STATE,...",
        help=f"credentials with one thing wrong: all, or any of {', '.join(map(str, list(CredentialState)[1:]))}",
    )
    parser.add_argument("--key-type", default="ec-p256", metavar="TYPE", help="such as rsa-2048 (default: %(default)s)")
    parser.add_argument("--days", type=_days, metavar="N", help="how long it is valid (default: 1, authorities 7)")
    existing = parser.add_argument_group("an authority that exists already, in place of a new one")
    existing.add_argument("--ca", type=Path, metavar="FILE", help="PEM of its certificate, then of those above it")
    existing.add_argument("--ca-key", type=Path, metavar="FILE", help="PEM of its key (default: in the file of --ca)")
    existing.add_argument("--passphrase-file", type=Path, metavar="FILE", help="its first line opens that key")
    parser.add_argument(
        "--pkcs12-password-env", metavar="VAR", help="environment variable with the .p12 files' password"
    )
    parser.add_argument("--crl", action="store_true", help=f"write {CRL}, the CRLs of all authorities")
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="write nothing: print a shell script that makes the same with openssl, step by step",
    )


def run(options: argparse.Namespace) -> int:
    """Mint everything, then write it, then list it."""
    folder: Path = options.folder
    if options.explain:
        return _explain(_minted(options), options)
    password = _password(options.pkcs12_password_env)
    _check_folder(folder, force=options.force)
    minted = _minted(options)
    try:
        written = list(_write(minted, folder, password))
    except OSError as error:
        raise WorkspaceUnavailable(
            f"Tried to write to {folder}, saw: {error.strerror or error}. Name a folder that can be written."
        ) from error
    if options.json:
        print_json({"folder": str(folder), "files": [each.to_json() for each in written]})
    else:
        paths = [printable(str(each.path)) for each in written]
        for path, each in zip(paths, written, strict=True):
            print(f"{path:<{max(map(len, paths))}}  {each.what}")
    return 0


def _minted(options: argparse.Namespace) -> Minted:
    with Progress("credentials") as progress:
        return mint(_asked(options), progress.show)


def _explain(minted: Minted, options: argparse.Namespace) -> int:
    from pytest_mtls.commands.mint_script import script

    text = script(minted, options.folder, password_variable=options.pkcs12_password_env)
    if options.json:
        print_json({"script": text})
    else:
        print(text, end="")
    return 0


def _asked(options: argparse.Namespace) -> Asked:
    from pytest_mtls.pki.keys import KeyType

    clients, servers, states = options.client, options.server, _states(options.state)
    if not (clients or servers or states or options.csr):
        clients, servers = ["client"], ["localhost"]
    return Asked(
        clients=clients,
        servers=servers,
        requests=options.csr,
        intermediates=options.intermediate,
        states=states,
        key_type=KeyType.parse(options.key_type),
        lifetime=timedelta(days=options.days) if options.days else None,
        existing=_existing(options),
        crl=options.crl,
    )


def _existing(options: argparse.Namespace) -> ExistingAuthority | None:
    if options.ca is None:
        for option, value in (("--ca-key", options.ca_key), ("--passphrase-file", options.passphrase_file)):
            if value is not None:
                raise InvalidArgument(f"{option} {value}: without --ca there is no authority that it could belong to.")
        return None
    return ExistingAuthority(options.ca, options.ca_key or options.ca, options.passphrase_file)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {_LONGEST_DAYS}")
    return int(text)


def _password(variable: str | None) -> str | None:
    if variable is None:
        return None
    if not (password := os.environ.get(variable)):
        raise InvalidArgument(
            f"--pkcs12-password-env {variable}: that environment variable is not set, or empty. "
            "Set it, or leave the option out for .p12 files without a password."
        )
    return password


def _check_folder(folder: Path, *, force: bool) -> None:
    try:
        occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise WorkspaceUnavailable(f"Tried to look into {folder}, saw: {error.strerror}. Name another.") from error
    if occupied and not (force and folder.is_dir()):
        remedy = "Name another, or give --force to write into it." if folder.is_dir() else "Name a folder."
        raise InvalidArgument(f"{folder} is {'not empty' if folder.is_dir() else 'not a folder'}. {remedy}")


def _states(names: list[str]) -> list[CredentialState]:
    mintable: list[CredentialState] = [state for state in CredentialState if state is not CredentialState.NONE]
    for name in names:
        if name != "all" and name not in mintable:
            raise InvalidArgument.not_one_of("--state", name, ["all", *mintable])
    return mintable if "all" in names else [CredentialState(name) for name in dict.fromkeys(names)]


def _write(minted: Minted, folder: Path, password: str | None) -> Iterator[_Written]:
    from pytest_mtls.pki.files import make_private_folder, write_private

    make_private_folder(folder)

    def put(name: str, content: bytes, what: str) -> _Written:
        write_private(folder / name, content)
        return _Written(folder / name, what)

    for number, (stem, authority) in enumerate(minted.authorities.items()):
        if number == 0 and minted.existing is not None:
            # Its key stays where it is, and nobody trusts an intermediate without those above it.
            yield put(f"{stem}.crt.pem", authority.chain_pem, f"CA certificate of {authority.subject_dn}")
            continue
        yield put(f"{stem}.crt.pem", authority.certificate_pem, f"CA certificate of {authority.subject_dn}")
        yield put(f"{stem}.key.pem", authority.private_key_pem, "its private key")
    for stem, credential in minted.credentials.items():
        files = credential.write_to(folder, name=stem, pkcs12_password=password)
        yield _Written(files.certificate, f"certificate of {credential.subject_dn}")
        yield _Written(files.key, "its private key")
        yield _Written(files.chain, "certificate and what is sent after it")
        if credential.matches_key:
            yield _Written(files.pkcs12, "all of it, for a browser" + ("" if password else " (no password)"))
    for stem, signed in minted.signed.items():
        what = f"certificate of {signed.issued.subject_dn}, for {signed.request}"
        yield put(f"{stem}.crt.pem", signed.issued.certificate_pem, what)
        yield put(f"{stem}.chain.pem", signed.issued.chain_pem, "certificate and what is sent after it")
    for name, (what, content) in minted.texts.items():
        yield put(name, content, what)
