"""Lists that shut out honest clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pytest_mtls.pki.authority import CertificateAuthority
from tests.audit.mistakes.mistake import Mistake

_CLIENTS = "snippets/clients.conf"


@dataclass(frozen=True)
class OwnLists(Mistake):
    """With a file of authorities and one of lists in the folder, as a deployment repository has them."""

    files: Callable[[], tuple[bytes, bytes]] = lambda: (b"", b"")

    def plant(self, folder: Path) -> Path:
        main = super().plant(folder)
        (folder / "pki").mkdir()
        authorities, lists = self.files()
        (folder / "pki/clients-ca.pem").write_bytes(authorities)
        (folder / "pki/clients.crl").write_bytes(lists)
        return main

    __str__ = Mistake.__str__


def _days(number: float) -> datetime:
    return datetime.now(timezone.utc) + timedelta(days=number)


def _root_alone() -> tuple[bytes, bytes]:
    root = CertificateAuthority("CN=Example Root,O=Example")
    below = root.intermediate("CN=Example Devices,O=Example")
    return below.chain_pem, root.crl(next_update=_days(60))


def _another_authority() -> tuple[bytes, bytes]:
    old, new = CertificateAuthority("CN=Old CA,O=Example"), CertificateAuthority("CN=New CA,O=Example")
    return old.certificate_pem + new.certificate_pem, old.crl(next_update=_days(60))


def _another_key() -> tuple[bytes, bytes]:
    former, current = (CertificateAuthority("CN=Example CA,O=Example") for _ in range(2))
    return current.certificate_pem, former.crl(next_update=_days(60))


def _lapsed() -> tuple[bytes, bytes]:
    root = CertificateAuthority("CN=Example Root,O=Example")
    return root.certificate_pem, root.crl(last_update=_days(-40), next_update=_days(-10))


def _lapsing() -> tuple[bytes, bytes]:
    root = CertificateAuthority("CN=Example Root,O=Example")
    return root.certificate_pem, root.crl(last_update=_days(-20), next_update=_days(10))


def _lists(name: str, files: Callable[[], tuple[bytes, bytes]], rule: str, grade: str) -> OwnLists:
    edits = (
        (_CLIENTS, "/etc/ssl/example/clients-ca.pem", "/etc/nginx/pki/clients-ca.pem"),
        (_CLIENTS, "/etc/ssl/example/clients.crl", "pki/clients.crl"),
    )
    return OwnLists(name, "company", edits, rule, grade, (_CLIENTS, "ssl_crl"), files=files)


MISTAKES = (
    _lists("list-of-the-root-alone", _root_alone, "crl-missing-for-chain", "warning"),
    _lists("no-list-of-the-new-authority", _another_authority, "crl-missing-for-chain", "warning"),
    _lists("list-of-the-former-key", _another_key, "crl-missing-for-chain", "warning"),
    _lists("list-that-has-lapsed", _lapsed, "crl-out-of-date", "warning"),
    _lists("list-that-is-about-to-lapse", _lapsing, "crl-about-to-lapse", "note"),
)
