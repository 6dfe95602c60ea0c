"""Writing key material to a folder: never readable by others, not even for a moment."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9@._-]+")
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """Where a credential was written; all are PEM but the last.

    Attributes:
        certificate: the leaf alone.
        key: its private key (PKCS #8, not encrypted).
        chain: the leaf, then what is sent after it.
        pkcs12: all of it in one file, as browsers import it; not written where the key is another certificate's.
    """

    certificate: Path
    key: Path
    chain: Path
    pkcs12: Path

    @classmethod
    def named(cls, folder: str | os.PathLike[str], name: str) -> CredentialFiles:
        """Where a credential of that name is written in a folder; the name is made safe."""
        path, stem = Path(folder), safe_file_name(name)
        return cls(
            certificate=path / f"{stem}.crt.pem",
            key=path / f"{stem}.key.pem",
            chain=path / f"{stem}.chain.pem",
            pkcs12=path / f"{stem}.p12",
        )


def safe_file_name(text: str) -> str:
    """A file name that is one, on every system, made from any text."""
    return _UNSAFE.sub("_", text)[:_LONGEST].strip("._") or "credential"


def make_private_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder, made for its owner only (0700) if it was not there."""
    path = Path(folder)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read (0600), replacing in one step what was there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
