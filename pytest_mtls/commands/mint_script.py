"""``pytest-mtls mint --explain``: the same by ``openssl`` alone, as a script that runs as it is."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from cryptography import x509

from pytest_mtls.commands.minting import CRL, TRUST, ExistingAuthority, Minted, Signed
from pytest_mtls.pki.files import safe_file_name
from pytest_mtls.pki.keys import PublicKey
from pytest_mtls.pki.names import first_common_name
from pytest_mtls.pki.openssl import extension_lines, hash_options, key_options, subject_option
from pytest_mtls.pki.pem import is_der, load_certificates
from pytest_mtls.pki.validity import BACKDATING, now

if TYPE_CHECKING:
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential

_WORK: Final = "openssl"
_CONFIGURATION: Final = f"{_WORK}/openssl.cnf"
_DAY: Final = timedelta(days=1)

_HEAD: Final = """\
#!/bin/sh
# What `pytest-mtls mint` makes, by openssl alone (1.1.1 or later).
# Validity begins now; pytest-mtls lets it begin five minutes ago, for clocks that are behind.
set -eu
umask 077
mkdir -p {folder}
cd {folder}
mkdir -p {work}
cat >{configuration} <<'END'
"""
_REQUESTS: Final = """\
[req]
string_mask = utf8only
distinguished_name = name
[name]
"""
_LEDGER: Final = """\
[ca_{stem}]
database = {work}/{stem}.index
crlnumber = {work}/{stem}.crlnumber
new_certs_dir = {work}
unique_subject = no
rand_serial = yes
policy = any
"""
_LEDGERS_HAVE: Final = """\
[any]
commonName = optional
[crl]
authorityKeyIdentifier = keyid:always
"""
_SPLIT: Final = (
    "awk '/-BEGIN CERTIFICATE-/ {{ n++; inside = 1 }} "
    'inside {{ print > ("{work}/{stem}-" n ".crt.pem") }} '
    "/-END CERTIFICATE-/ {{ inside = 0 }}' {source}"
)
_CLAIM: Final = (
    "key=$(openssl x509 -in {claimed} -noout -ext subjectKeyIdentifier | sed -n '$s/ //gp')\n"
    'echo "authorityKeyIdentifier = DER:30:16:80:14:$key" >>{extensions}'
)
_SERIAL: Final = 'serial() { echo "0x$(openssl rand -hex 16)"; }'


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the script has an authority."""

    authority: CertificateAuthority
    stem: str
    certificate: str
    key: str
    passphrase: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Issued:
    """A certificate, where the script has it, and who signed it: ``None`` if it did so itself."""

    certificate: x509.Certificate
    path: str
    issuer: CertificateAuthority | None


def script(minted: Minted, folder: Path, *, password_variable: str | None = None) -> str:
    """A POSIX shell script.

    Args:
        minted: what it is to make; its keys and serial numbers are others.
        folder: where, relative to where it is run.
        password_variable: the environment variable with the password of the PKCS #12 files.
    """
    return _Script(minted, f"env:{password_variable}" if password_variable else "pass:").text(folder)


@dataclass(slots=True)
class _Script:
    """Grows step by step: an authority is made before what it issues, and once."""

    minted: Minted
    password: str
    steps: list[str] = field(default_factory=list)
    authorities: list[_Files] = field(default_factory=list)
    issued: list[_Issued] = field(default_factory=list)
    ledgers: dict[str, None] = field(default_factory=dict)

    def text(self, folder: Path) -> str:
        for stem, authority in self.minted.authorities.items():
            if self.minted.existing is not None and authority.parent is None:
                self._existing(stem, authority, self.minted.existing)
            else:
                self._authority(authority, stem)
        for stem, credential in self.minted.credentials.items():
            self._credential(stem, credential)
        for stem, signed in self.minted.signed.items():
            self._request(stem, signed)
        if self.minted.trusted:
            trusted = [path for each in self.minted.trusted for path in self._up_to_the_root(each)]
            self._step("What a server is to trust", _cat(trusted, TRUST))
        if self.minted.crl_issuers:
            listed = [self._crl(authority) for authority in self.minted.crl_issuers]
            self._step("All CRLs in one file, as nginx wants them", _cat(listed, CRL))
        return "\n\n".join([self._head(folder), *self.steps]) + "\n"

    def _head(self, folder: Path) -> str:
        sections = [_LEDGER.format(stem=stem, work=_WORK) for stem in self.ledgers]
        configuration = "".join([_REQUESTS, *sections, *([_LEDGERS_HAVE] if sections else [])])
        head = _HEAD.format(folder=shlex.quote(str(folder)), work=_WORK, configuration=_CONFIGURATION)
        made = [f": >{_WORK}/{stem}.index; echo 01 >{_WORK}/{stem}.crlnumber" for stem in self.ledgers]
        return "\n".join([f"{head}{configuration}END", f'export OPENSSL_CONF="$PWD/{_CONFIGURATION}"', *made, _SERIAL])

    def _step(self, title: str, *commands: str) -> None:
        self.steps.append("\n".join([f"# {' '.join(title.split())}", *commands]))

    def _existing(self, stem: str, authority: CertificateAuthority, existing: ExistingAuthority) -> None:
        source, out = str(existing.certificate.resolve()), f"{stem}.crt.pem"
        chain = load_certificates(existing.certificate)
        if len(chain) == 1:
            paths, commands = [out], [_openssl("x509", "-in", source, "-out", out)]
        else:
            paths = [f"{_WORK}/{stem}-{number}.crt.pem" for number in range(1, len(chain) + 1)]
            commands = [_SPLIT.format(source=shlex.quote(source), work=_WORK, stem=stem), _cat(paths, out)]
        opened = ("-passin", f"file:{existing.passphrase.resolve()}") if existing.passphrase else ()
        self.authorities.append(_Files(authority, stem, paths[0], str(existing.key.resolve()), opened))
        self.issued += [_Issued(certificate, path, None) for certificate, path in zip(chain, paths, strict=True)]
        self._step(f"The authority {authority.subject_dn}, which exists already", *commands)

    def _authority(self, authority: CertificateAuthority, stem: str = "") -> _Files:
        """Its files; it is made if it was not yet, hidden if ``mint`` does not write it."""
        known = next((each for each in self.authorities if each.authority is authority), None)
        if known is not None:
            return known
        issuer = None if authority.parent is None else self._authority(authority.parent)
        place = (
            stem or f"{_WORK}/{self._unused(safe_file_name(first_common_name(authority.certificate.subject) or ''))}"
        )
        files = _Files(authority, place.rpartition("/")[2], f"{place}.crt.pem", f"{place}.key.pem")
        self.authorities.append(files)
        self._step(
            f"CA {authority.subject_dn}",
            _genpkey(authority.certificate, files.key),
            *self._certificate(authority.certificate, files.stem, files.key, files.certificate, issuer),
        )
        self.issued.append(_Issued(authority.certificate, files.certificate, authority.parent))
        return files

    def _unused(self, name: str) -> str:
        taken = {*self.minted.authorities, *self.minted.credentials, *(each.stem for each in self.authorities)}
        return next(each for each in chain([name], (f"{name}-{n}" for n in count(2))) if each not in taken)

    def _credential(self, stem: str, credential: Credential) -> None:
        issuer = None if credential.authority is None else self._authority(credential.authority)
        key, shown, sent = f"{stem}.key.pem", f"{stem}.crt.pem", f"{stem}.chain.pem"
        commands = [_genpkey(credential.certificate, key)]
        if not credential.matches_key:
            key = f"{_WORK}/{stem}.key.pem"
            commands.append(_genpkey(credential.certificate, key))
        commands += self._certificate(credential.certificate, stem, key, shown, issuer)
        commands.append(_cat([shown, *map(self._path, credential.chain)], sent))
        if credential.matches_key:
            parts = ("-inkey", key, "-in", sent, "-name", str(credential), "-passout", self.password)
            commands.append(_openssl("pkcs12", "-export", *parts, "-out", f"{stem}.p12"))
        self._step(credential.subject_dn, *commands)
        self.issued.append(_Issued(credential.certificate, shown, credential.authority))

    def _request(self, stem: str, signed: Signed) -> None:
        path, issuer, certificate = (
            signed.request.resolve(),
            self._authority(signed.authority),
            signed.issued.certificate,
        )
        request = (str(path), *(("-inform", "DER") if is_der(path.read_bytes()) else ()))
        self._step(
            f"{signed.issued.subject_dn}, for {path.name}",
            _openssl("req", "-verify", "-noout", "-in", *request),
            *self._signed(certificate, stem, request, f"{stem}.crt.pem", issuer),
            _cat([f"{stem}.crt.pem", *map(self._path, signed.issued.chain)], f"{stem}.chain.pem"),
        )

    def _certificate(
        self, certificate: x509.Certificate, stem: str, key: str, out: str, issuer: _Files | None
    ) -> Iterator[str]:
        """Request, extensions, certificate."""
        request = f"{_WORK}/{stem}.csr.pem"
        subject = ("-utf8", "-subj", subject_option(certificate.subject))
        yield _openssl("req", "-new", "-key", key, *subject, "-out", request)
        yield from self._signed(certificate, stem, (request,), out, issuer, key)

    def _signed(
        self,
        certificate: x509.Certificate,
        stem: str,
        request: tuple[str, ...],
        out: str,
        issuer: _Files | None,
        own_key: str = "",
    ) -> Iterator[str]:
        extensions, algorithm = f"{_WORK}/{stem}.ext", hash_options(certificate)
        lines = extension_lines(certificate, issuer.authority.key_identifier if issuer else None)
        yield "\n".join([f"cat >{extensions} <<'END'", *lines, "END"])
        if issuer is not None and (claimed := self._claimed(certificate, issuer)):
            yield _CLAIM.format(claimed=shlex.quote(claimed), extensions=extensions)
        passphrase = issuer.passphrase if issuer else ()
        if days := _whole_days(certificate):
            by = ("-CA", issuer.certificate, "-CAkey", issuer.key) if issuer else ("-signkey", own_key)
            signing = _openssl("x509", "-req", "-in", *request, *by, *passphrase)
            asked = shlex.join(("-days", str(days), *algorithm, "-extfile", extensions, "-out", out))
            yield f'{signing} -set_serial "$(serial)" {asked}'
        else:
            ledger = self._ledger(issuer.stem if issuer else stem)
            signer = (
                ("-cert", issuer.certificate, "-keyfile", issuer.key) if issuer else ("-selfsign", "-keyfile", own_key)
            )
            given = ("-batch", "-notext", "-preserveDN", "-utf8", *_dates(certificate), *_digest(algorithm))
            asked_of_ca = (*ledger, "-in", *request, *signer, *passphrase, *given, "-extfile", extensions)
            yield _openssl("ca", *asked_of_ca, "-out", out)

    def _claimed(self, certificate: x509.Certificate, issuer: _Files) -> str | None:
        """The certificate of the authority that it says has issued it, where another one has."""
        says = _authority_key(certificate)
        if says is None or says == issuer.authority.key_identifier:
            return None
        return next(each.certificate for each in self.authorities if each.authority.key_identifier == says)

    def _path(self, certificate: x509.Certificate) -> str:
        return next(each.path for each in self.issued if each.certificate == certificate)

    def _up_to_the_root(self, authority: CertificateAuthority) -> Iterator[str]:
        above: CertificateAuthority | None = authority
        while above is not None:
            files = self._authority(above)
            # Of one that exists already that file has those above it, too.
            yield f"{files.stem}.crt.pem" if above in self.minted.authorities.values() else files.certificate
            above = above.parent

    def _ledger(self, stem: str) -> tuple[str, ...]:
        self.ledgers[stem] = None
        return ("-name", f"ca_{stem}")

    def _crl(self, authority: CertificateAuthority) -> str:
        files, digest = self._authority(authority), _digest(hash_options(authority.certificate))
        signer = (*self._ledger(files.stem), "-cert", files.certificate, "-keyfile", files.key, *files.passphrase)
        out = f"{_WORK}/{files.stem}.crl.pem"
        revoked = [
            _openssl("ca", *signer, *digest, "-revoke", each.path)
            for each in self.issued
            if each.issuer is authority and authority.revocation_of(each.certificate) is not None
        ]
        listed = _openssl("ca", *signer, *digest, "-gencrl", "-crldays", "7", "-crlexts", "crl", "-out", out)
        self._step(f"CRL of {authority.subject_dn}", *revoked, listed)
        return out


def _whole_days(certificate: x509.Certificate) -> int | None:
    """How long it is valid from now on; ``None`` for one that begins later, has ended, or ends at an odd time."""
    left = certificate.not_valid_after_utc - now()
    days = round(left / _DAY)
    usual = certificate.not_valid_before_utc <= now() and abs(left - days * _DAY) < BACKDATING
    return days if usual and days > 0 else None


def _dates(certificate: x509.Certificate) -> tuple[str, ...]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return ("-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}")


def _digest(algorithm: tuple[str, ...]) -> tuple[str, ...]:
    """For ``openssl ca``, whose ``default`` is none for keys that sign without."""
    return ("-md", algorithm[0].removeprefix("-") if algorithm else "default")


def _authority_key(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None


def _genpkey(certificate: x509.Certificate, out: str) -> str:
    return _openssl("genpkey", *key_options(cast(PublicKey, certificate.public_key())), "-out", out)


def _openssl(*arguments: str) -> str:
    return shlex.join(("openssl", *arguments))


def _cat(paths: Iterable[str], out: str) -> str:
    return f"cat {shlex.join(paths)} >{out}"
