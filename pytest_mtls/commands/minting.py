"""What ``pytest-mtls mint`` makes, before any of it is on disk: a mistake in the last name leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki.states import Credentials, CredentialState
from pytest_mtls.secret import Secret

if TYPE_CHECKING:
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.issued import IssuedCertificate

CA: Final = "ca"
CRL: Final = "crl.pem"
TRUST: Final = "trust.pem"


@dataclass(frozen=True, slots=True)
class ExistingAuthority:
    """Where an authority's files are.

    Attributes:
        certificate: PEM of its certificate, then of those above it.
        key: PEM of its private key.
        passphrase: a file whose first line opens the key, if it is encrypted.
    """

    certificate: Path
    key: Path
    passphrase: Path | None

    def load(self) -> CertificateAuthority:
        """The authority.

        Raises:
            InvalidArgument: a file cannot be read, or is not what it should be.
        """
        from pytest_mtls.pki.authority import CertificateAuthority

        secret = None
        if self.passphrase is not None:
            secret = (content("--passphrase-file", self.passphrase).splitlines() or [b""])[0]
            if not secret:
                raise InvalidArgument(f"--passphrase-file {self.passphrase}: its first line is empty.")
        for option, path in (("--ca", self.certificate), ("--ca-key", self.key)):
            content(option, path)
        return CertificateAuthority.from_pem(self.certificate, self.key, secret)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for.

    Attributes:
        clients: common names.
        servers: DNS names and IP addresses.
        requests: files with signing requests.
        intermediates: common names, from the top.
        states: of the cast.
        key_type: of every key that is made.
        lifetime: of what is issued; ``None`` for the default.
        existing: the authority that issues, where it is not to be made.
        crl: whether CRLs are written.
    """

    clients: Sequence[str]
    servers: Sequence[str]
    requests: Sequence[Path]
    intermediates: Sequence[str]
    states: Sequence[CredentialState]
    key_type: str
    lifetime: timedelta | None
    existing: ExistingAuthority | None
    crl: bool


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate for a signing request.

    Attributes:
        issued: the certificate.
        authority: who signed.
        request: the file.
    """

    issued: IssuedCertificate
    authority: CertificateAuthority
    request: Path


@dataclass(frozen=True, slots=True)
class Minted:
    """Everything that was asked for.

    Attributes:
        authorities: file name -> root and intermediates, from the top.
        existing: where the first of them was loaded from; ``None`` for one that was made.
        credentials: file name -> clients, servers and states.
        signed: file name -> what was signed for requests.
        trusted: whose certificates the file of what a server is to trust has; none where there is no such file.
        crl_issuers: whose CRLs are written.
        texts: file name -> what it is, and its content.
    """

    authorities: dict[str, CertificateAuthority]
    existing: ExistingAuthority | None
    credentials: dict[str, Credential]
    signed: dict[str, Signed]
    trusted: tuple[CertificateAuthority, ...]
    crl_issuers: tuple[CertificateAuthority, ...]
    texts: dict[str, tuple[str, bytes]]


def mint(asked: Asked, progress: Callable[[int, int], Any]) -> Minted:
    """All of it.

    Args:
        asked: what.
        progress: is told how many credentials of how many there are: each long RSA key takes a second.

    Raises:
        InvalidArgument: a name, a file or a value cannot be.
    """
    authorities = _authorities(asked)
    issuing = authorities[-1][1]
    cast = Credentials(issuing)
    credentials = []
    total = len(asked.clients) + len(asked.servers) + len(asked.states)
    for each in chain(_leaves(asked, issuing), _of_the_cast(asked.states, cast)):
        credentials.append(each)
        progress(len(credentials), total)
    signed = [(path, _sign(issuing, path, asked.lifetime)) for path in asked.requests]
    crl_issuers = (cast.crl_issuers if asked.states else issuing.lineage) if asked.crl else ()
    texts = {}
    if asked.states:
        texts[TRUST] = ("what a server is to trust (ssl_client_certificate)", cast.trust_pem)
    if crl_issuers:
        texts[CRL] = ("CRLs of all authorities (ssl_crl)", b"".join(each.crl() for each in crl_issuers))
    stems = iter(_distinct([*(name for name, _ in [*authorities, *credentials]), *(path.stem for path, _ in signed)]))
    return Minted(
        authorities={next(stems): authority for _, authority in authorities},
        existing=asked.existing,
        credentials={next(stems): credential for _, credential in credentials},
        signed={next(stems): each for _, each in signed},
        trusted=(issuing, cast.expired_root) if asked.states else (),
        crl_issuers=crl_issuers,
        texts=texts,
    )


def content(option: str, path: Path) -> bytes:
    """What is in a file that an option names.

    Raises:
        InvalidArgument: it cannot be read.
    """
    try:
        return Secret(path.read_bytes())
    except OSError as error:
        raise InvalidArgument(f"{option} {path}: tried to read it, saw: {error.strerror or error}.") from None


def _authorities(asked: Asked) -> list[tuple[str, CertificateAuthority]]:
    from pytest_mtls.pki.authority import CertificateAuthority

    # A day longer than what they issue: that must not outlive them by the second that minting takes.
    longer = asked.lifetime + timedelta(days=1) if asked.lifetime else None
    if asked.existing is not None:
        authority = asked.existing.load()
    else:
        authority = CertificateAuthority(key_type=asked.key_type, lifetime=longer)
    made = [(CA, authority)]
    for name in asked.intermediates:
        authority = authority.intermediate(name, key_type=asked.key_type, lifetime=longer)
        made.append((name, authority))
    return made


def _leaves(asked: Asked, issuing: CertificateAuthority) -> Iterable[tuple[str, Credential]]:
    for name in asked.clients:
        yield name, issuing.issue_client(name, key_type=asked.key_type, lifetime=asked.lifetime)
    for name in asked.servers:
        # One for this machine is of use only if it stands for its addresses too.
        names = () if name == "localhost" else (name,)
        yield name, issuing.issue_server(*names, key_type=asked.key_type, lifetime=asked.lifetime)


def _of_the_cast(states: Iterable[CredentialState], cast: Credentials) -> Iterable[tuple[str, Credential]]:
    for state in states:
        if (credential := cast[state]) is not None:
            yield str(state), credential


def _sign(issuing: CertificateAuthority, path: Path, lifetime: timedelta | None) -> Signed:
    content("--csr", path)
    try:
        return Signed(issuing.sign(path, lifetime=lifetime), issuing, path)
    except InvalidArgument as error:
        raise type(error)(f"--csr {path}: {error}") from None


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
