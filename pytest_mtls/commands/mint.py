"""``pytest-mtls mint``: a CA and credentials, written to a folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import Commands, add_command, print_json
from pytest_mtls.errors import InvalidArgument, WorkspaceUnavailable
from pytest_mtls.pki.states import Credentials, CredentialState

if TYPE_CHECKING:
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential

_LONGEST_DAYS: Final = 36500
_CA: Final = "ca"
_CRL: Final = "crl.pem"
_TRUST: Final = "trust.pem"


@dataclass(frozen=True, slots=True)
class _Written:
    path: Path
    what: str

    def to_json(self) -> dict[str, str]:
        return {"path": str(self.path), "what": self.what}


@dataclass(frozen=True, slots=True)
class _Minted:
    """Everything, before any of it is on disk: a mistake in the last name leaves nothing behind.

    Attributes:
        authorities: file name -> root and intermediates, from the top.
        credentials: file name -> clients, servers and states.
        texts: file name -> what it is, and its content.
    """

    authorities: dict[str, CertificateAuthority]
    credentials: dict[str, Credential]
    texts: dict[str, tuple[str, bytes]]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "mint",
        run,
        summary="write a CA and credentials to a folder",
        more="Without --client, --server and --state it mints one client and one server for localhost.\n"
        "All files have mode 0600.",
        example="pytest-mtls mint certs --client alice bob --server app.example --crl\n"
        "  pytest-mtls mint certs --state expired,revoked --crl --force",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    for option, text in (
        ("--client", "common names of clients"),
        ("--server", "DNS names or IP addresses, one server certificate each"),
        ("--intermediate", "CAs below the root, each below the one before; the last issues"),
    ):
        parser.add_argument(option, nargs="+", action="extend", default=[], metavar="NAME", help=text)
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
    parser.add_argument(
        "--pkcs12-password-env", metavar="VAR", help="environment variable with the .p12 files' password"
    )
    parser.add_argument("--crl", action="store_true", help=f"write {_CRL}, the CRLs of all authorities")
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")


def run(options: argparse.Namespace) -> int:
    """Mint everything, then write it, then list it."""
    folder: Path = options.folder
    password = _password(options.pkcs12_password_env)
    _check_folder(folder, force=options.force)
    minted = _mint(options)
    try:
        written = list(_write(minted, folder, password))
    except OSError as error:
        raise WorkspaceUnavailable(
            f"Tried to write to {folder}, saw: {error.strerror or error}. Name a folder that can be written."
        ) from error
    if options.json:
        print_json({"folder": str(folder), "files": [each.to_json() for each in written]})
    else:
        width = max(len(str(each.path)) for each in written)
        for each in written:
            print(f"{each.path!s:<{width}}  {each.what}")
    return 0


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


def _mint(options: argparse.Namespace) -> _Minted:
    from pytest_mtls.pki.keys import KeyType

    key_type = KeyType.parse(options.key_type)
    lifetime = timedelta(days=options.days) if options.days else None
    authorities = _authorities(options.intermediate, key_type, lifetime)
    issuing = authorities[-1][1]
    cast = Credentials(issuing)
    states = _states(options.state)
    clients, servers = options.client, options.server
    if not (clients or servers or states):
        clients, servers = ["client"], ["localhost"]
    credentials = [(name, issuing.issue_client(name, key_type=key_type, lifetime=lifetime)) for name in clients]
    for name in servers:
        # One for this machine is of use only if it stands for its addresses too.
        names = () if name == "localhost" else (name,)
        credentials.append((name, issuing.issue_server(*names, key_type=key_type, lifetime=lifetime)))
    credentials += [(str(state), credential) for state in states if (credential := cast[state]) is not None]
    texts = {}
    if states:
        texts[_TRUST] = ("what a server is to trust (ssl_client_certificate)", cast.trust_pem)
    if options.crl:
        texts[_CRL] = ("CRLs of all authorities (ssl_crl)", cast.crl_bundle() if states else issuing.crl_bundle())
    stems = iter(_distinct([name for name, _ in [*authorities, *credentials]]))
    return _Minted(
        authorities={next(stems): authority for _, authority in authorities},
        credentials={next(stems): credential for _, credential in credentials},
        texts=texts,
    )


def _authorities(
    intermediates: Iterable[str], key_type: str, lifetime: timedelta | None
) -> list[tuple[str, CertificateAuthority]]:
    from pytest_mtls.pki.authority import CertificateAuthority

    # A day longer than what they issue: that must not outlive them by the second that minting takes.
    longer = lifetime + timedelta(days=1) if lifetime else None
    authority = CertificateAuthority(key_type=key_type, lifetime=longer)
    made = [(_CA, authority)]
    for name in intermediates:
        authority = authority.intermediate(name, key_type=key_type, lifetime=longer)
        made.append((name, authority))
    return made


def _states(names: list[str]) -> list[CredentialState]:
    mintable: list[CredentialState] = [state for state in CredentialState if state is not CredentialState.NONE]
    for name in names:
        if name != "all" and name not in mintable:
            raise InvalidArgument.not_one_of("--state", name, ["all", *mintable])
    return mintable if "all" in names else [CredentialState(name) for name in dict.fromkeys(names)]


def _distinct(names: Sequence[str]) -> list[str]:
    """File names for these names, in the same order.

    Raises:
        InvalidArgument: two are the same.
    """
    from pytest_mtls.pki.files import safe_file_name

    stems: dict[str, str] = {}
    for name in names:
        stem = safe_file_name(name)
        # File systems that ignore case would take one for the other.
        if (other := stems.get(stem.lower())) is not None:
            raise InvalidArgument(f"{other!r} and {name!r} would both be written as {stem!r}; give one another name.")
        stems[stem.lower()] = name
    return [safe_file_name(name) for name in names]


def _write(minted: _Minted, folder: Path, password: str | None) -> Iterator[_Written]:
    from pytest_mtls.pki.files import make_private_folder, write_private

    make_private_folder(folder)

    def put(name: str, content: bytes, what: str) -> _Written:
        write_private(folder / name, content)
        return _Written(folder / name, what)

    for stem, authority in minted.authorities.items():
        yield put(f"{stem}.crt.pem", authority.certificate_pem, f"CA certificate of {authority.subject_dn}")
        yield put(f"{stem}.key.pem", authority.private_key_pem, "its private key")
    for stem, credential in minted.credentials.items():
        files = credential.write_to(folder, name=stem, pkcs12_password=password)
        yield _Written(files.certificate, f"certificate of {credential.subject_dn}")
        yield _Written(files.key, "its private key")
        yield _Written(files.chain, "certificate and what is sent after it")
        if credential.matches_key:
            yield _Written(files.pkcs12, "all of it, for a browser" + ("" if password else " (no password)"))
    for name, (what, content) in minted.texts.items():
        yield put(name, content, what)
