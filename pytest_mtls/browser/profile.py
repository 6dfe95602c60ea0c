"""A throw-away profile: the client's credential, the authority of the server, and no question asked.

On Linux Chromium's certificates are those of the NSS store in its home, and with a certificate there a browser without
a window waits for ever for somebody to choose it. The policy AutoSelectCertificateForUrls chooses, but is read from
/etc alone; the preference in which Chromium keeps what that policy said is the profile's own, and has the same effect.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.errors import BrowserUnavailable, InvalidArgument
from pytest_mtls.pki.pem import certificate_pem, load_certificates

if TYPE_CHECKING:
    from pytest_mtls.browser.programs import Programs
    from pytest_mtls.pki.credential import Credential

_CHOOSE: str = json.dumps({"pattern": "*", "filter": {}})


@dataclass(frozen=True, slots=True)
class Profile:
    """A home for one browser.

    Attributes:
        home: its home folder.
    """

    home: Path

    @property
    def user_data(self) -> Path:
        """What Chromium calls the user data directory."""
        return self.home / "chromium"

    @property
    def errors(self) -> Path:
        """Where its standard error goes."""
        return self.home / "stderr"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a browser that lives here: no proxy, and nothing of the user's own folders."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        homes = {name: str(self.home / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
        # It makes a socket there, whose name may have 107 characters; the home is where it is started.
        return {**kept, **homes, "HOME": str(self.home), "TMPDIR": "."}

    def last_words(self) -> str:
        """The last thing it said on standard error."""
        try:
            said = self.errors.read_text(errors="replace").strip()
        except OSError:
            return "nothing"
        return said.splitlines()[-1] if said else "nothing"


def furnish(
    profile: Profile, credential: Credential | None, trust: bytes, programs: Programs, deadline: Deadline
) -> None:
    """Fill a profile.

    Args:
        profile: whose home is an empty folder.
        credential: what the browser presents; ``None`` for nothing.
        trust: PEM of the authorities of servers, or of a server's own certificate.
        programs: those of NSS are used.
        deadline: for all of it.

    Raises:
        KeyMismatch: the credential has the key of another certificate.
        InvalidArgument: NSS does not take the credential.
        BrowserUnavailable: the tools of NSS do not work.
        DeadlineExceeded: they did not end.
    """
    store = _Store(profile.home / ".pki" / "nssdb", programs, deadline)
    store.make()
    for number, (pem, flags) in enumerate(_trusted(trust)):
        store.trust(f"pytest-mtls-{number}", pem, flags)
    if credential is not None:
        store.add(credential, profile.home / "credential.p12")
    preferences = profile.user_data / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps({"profile": {"managed_auto_select_certificate_for_urls": [_CHOOSE]}}))


def _trusted(pem: bytes) -> Iterator[tuple[bytes, str]]:
    """Each certificate with the trust that NSS gives it: C for an authority of servers, P for a server itself."""
    from pytest_mtls.pki.extensions import may_issue

    for certificate in load_certificates(pem):
        yield certificate_pem(certificate), "C,," if may_issue(certificate) else "P,,"


@dataclass(frozen=True, slots=True)
class _Store:
    """A certificate store of NSS."""

    folder: Path
    programs: Programs
    deadline: Deadline

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True)
        self._certutil("-N", "--empty-password")

    def trust(self, name: str, pem: bytes, flags: str) -> None:
        self._certutil("-A", "-n", name, "-t", flags, "-a", given=pem)

    def add(self, credential: Credential, file: Path) -> None:
        # Not encrypted: it is gone in a moment, and the store it goes to has no password either.
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as p12:
            p12.write(credential.pkcs12())
        done = self._run(self.programs.pk12util, "-i", str(file), "-W", "", "-K", "")
        file.unlink()
        if done.returncode:
            raise InvalidArgument(
                f"Tried to give a browser the credential {str(credential)!r}, saw: {_said(done)}. "
                "The store of browsers on Linux (NSS) takes RSA keys and EC keys of P-256, P-384 and P-521."
            )

    def _certutil(self, *arguments: str, given: bytes = b"") -> None:
        done = self._run(self.programs.certutil, *arguments, given=given)
        if done.returncode:
            raise BrowserUnavailable(f"Tried `certutil {arguments[0]}` for a browser's profile, saw: {_said(done)}.")

    def _run(self, program: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        name = Path(program).name
        try:
            with within_limits(f"run {name}"):
                return subprocess.run(
                    [program, *arguments, "-d", f"sql:{self.folder}"],
                    input=given,
                    capture_output=True,
                    timeout=max(self.deadline.remaining, 0.1),
                    check=False,
                )
        except subprocess.TimeoutExpired:
            raise self.deadline.exceeded(f"{name} to make a browser's profile") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = (done.stderr + done.stdout).decode(errors="replace").split()
    return " ".join(said).rstrip(".") or f"exit status {done.returncode}"
