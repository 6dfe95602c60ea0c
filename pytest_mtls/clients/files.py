"""What a client is given: files that only their owner can read, in a folder that is gone afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mtls.engines.cleanup import Guard, make_folder, remove_folder
from pytest_mtls.pki.files import write_private

if TYPE_CHECKING:
    from pytest_mtls.pki.credential import Credential


@dataclass(frozen=True, slots=True)
class QuestionFiles:
    """A folder with everything secret and everything trusted; nothing of it is in an argument or the environment.

    Attributes:
        folder: readable by its owner alone.
        has_credential: whether a certificate is to be presented.
        is_encrypted: whether its key file is.
    """

    folder: Path
    has_credential: bool
    is_encrypted: bool

    @property
    def trust(self) -> Path:
        """PEM of what issued the server's certificate."""
        return self.folder / "trust.pem"

    @property
    def chain(self) -> Path:
        """PEM of the leaf, then of what is sent after it."""
        return self.folder / "chain.pem"

    @property
    def issuers(self) -> Path:
        """PEM of what is sent after the leaf; not there where that is nothing."""
        return self.folder / "issuers.pem"

    @property
    def key(self) -> Path:
        """PKCS #8 PEM of the key, encrypted or not."""
        return self.folder / "key.pem"

    @property
    def pkcs12(self) -> Path:
        """All of it, encrypted with the passphrase: what Java reads. Not there where the key is another's."""
        return self.folder / "client.p12"

    @property
    def passphrase(self) -> Path:
        """What the PKCS #12 file is encrypted with, and the key where that is; one line."""
        return self.folder / "passphrase"

    @property
    def encrypted(self) -> Path:
        """There where the key file is encrypted; empty."""
        return self.folder / "encrypted"


@contextmanager
def question_files(credential: Credential | None, trust: bytes, key_password: str | None) -> Iterator[QuestionFiles]:
    """Write them; they are removed at the end, and by the guard should this process die.

    Raises:
        WorkspaceUnavailable: the temporary folder cannot be used.
    """
    guard, folder = Guard(), make_folder()
    try:
        guard.watch_folder(folder)
        files = QuestionFiles(folder, credential is not None, credential is not None and key_password is not None)
        _write(files, credential, trust, key_password)
        yield files
    finally:
        remove_folder(folder)
        guard.forget_folder(folder)
        guard.close()


def _write(files: QuestionFiles, credential: Credential | None, trust: bytes, key_password: str | None) -> None:
    write_private(files.trust, trust)
    if credential is None:
        return
    passphrase = key_password or secrets.token_hex(16)
    write_private(files.chain, credential.chain_pem)
    if credential.chain:
        write_private(files.issuers, credential.chain_pem.removeprefix(credential.certificate_pem))
    if key_password is None:
        write_private(files.key, credential.private_key_pem)
    else:
        write_private(files.key, credential.encrypted_private_key_pem(key_password))
        write_private(files.encrypted, b"")
    write_private(files.passphrase, passphrase.encode() + b"\n")
    if credential.matches_key:
        write_private(files.pkcs12, credential.pkcs12(passphrase))
