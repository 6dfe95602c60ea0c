"""A CA is replaced by another: for a while both are trusted, then the old one is not any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.lifecycle.fleet import Fleet, Servers, fleet_of
from pytest_mtls.nginx.spec import FileContent
from pytest_mtls.pki import pem
from pytest_mtls.pki.authority import CertificateAuthority

if TYPE_CHECKING:
    from pytest_mtls.server import NginxServer


_Trust = Callable[[list[x509.Certificate]], list[x509.Certificate]]


def rotate_ca(servers: Servers, old: CertificateAuthority, new: CertificateAuthority) -> Rotation:
    """Replace the CA that servers trust, in two steps; nothing is changed before the first is taken.

    ::

        rotation = rotate_ca(nginx, old=ca, new=next_ca)
        rotation.overlap()       # clients of both are let in
        rotation.retire_old()    # only those of the new one

    Args:
        servers: one, several or a fleet; several are changed one after another.
        old: which must be trusted by each of them.
        new: what takes its place; of an intermediate the CAs above it are named too, since nginx knows no partial
            chains.

    Raises:
        InvalidArgument: a server does not trust ``old``, has virtual servers, or files that are no PEM.
    """
    for authority in (old, new):
        if not isinstance(authority, CertificateAuthority):
            raise InvalidArgument(f"rotate_ca: {authority!r} is no CertificateAuthority.")
    fleet = fleet_of(servers)
    for server in fleet.servers:
        _check(server, old)
    return Rotation(fleet, old, new)


@dataclass(frozen=True, slots=True)
class Rotation:
    """The two steps. Made by :func:`rotate_ca`."""

    fleet: Fleet
    old: CertificateAuthority
    new: CertificateAuthority

    def overlap(self) -> None:
        """Have both trusted. Where the server has CRLs, the new CA's come beside them: with ``ssl_crl`` nginx refuses
        every certificate for whose issuer there is none.

        Raises:
            ReloadRefused: nginx kept the old configuration.
            DeadlineExceeded: old workers stayed.
        """
        added = _certificates(self.new.chain_pem)
        for server in self.fleet.servers:
            self._change(server, lambda trusted: [*trusted, *(each for each in added if each not in trusted)], True)

    def retire_old(self) -> None:
        """Have only the new one trusted. What held connections and sessions do after that is what a test looks at.

        Raises:
            InvalidArgument: a server does not trust the new one yet.
            ReloadRefused: nginx kept the old configuration.
            DeadlineExceeded: old workers stayed.
        """
        kept = _certificates(self.new.chain_pem)
        gone = [each for each in _certificates(self.old.chain_pem) if each not in kept]
        for server in self.fleet.servers:
            _check(server, self.new)
        for server in self.fleet.servers:
            self._change(server, lambda trusted: [each for each in trusted if each not in gone], False)

    def _change(self, server: NginxServer, trust: _Trust, with_new: bool) -> None:
        block = server.spec.default
        changes: dict[str, Any] = {}
        for argument in ("client_ca", "trusted_ca"):
            trusted = _certificates(getattr(block, argument))
            if self.old.certificate in trusted:
                changes[argument] = b"".join(map(pem.certificate_pem, trust(trusted)))
        if isinstance(block.crl, bytes):
            changes["crl"] = self._crls(block.crl, with_new=with_new)
        server.update(**changes)

    def _crls(self, content: bytes, *, with_new: bool) -> bytes:
        present = pem.load_crls(content, "crl")
        if with_new:
            missing = [each for each in self.new.lineage if not any(_is_signed_by(crl, each) for crl in present)]
            return b"".join([content, *(each.crl() for each in missing)])
        kept = [each for each in present if not _is_signed_by(each, self.old)]
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in kept)


def _check(server: NginxServer, trusted: CertificateAuthority) -> None:
    block = server.spec.default
    if len(server.spec.blocks) > 1:
        raise InvalidArgument(
            f"rotate_ca: {server!r} has virtual servers, each with trust of its own; "
            "use update(virtual_servers=[...]) with the CAs you want at each step."
        )
    if not any(trusted.certificate in _certificates(each) for each in (block.client_ca, block.trusted_ca)):
        raise InvalidArgument(
            f"rotate_ca: {server!r} does not trust {trusted.subject_dn!r}. Start from a server with client_ca=old, "
            "and take overlap() before retire_old()."
        )


def _certificates(content: FileContent | None) -> list[x509.Certificate]:
    return list(pem.load_certificates(content, "client_ca")) if isinstance(content, bytes) and content else []


def _is_signed_by(crl: x509.CertificateRevocationList, authority: CertificateAuthority) -> bool:
    return crl.issuer == authority.certificate.subject and crl.is_signature_valid(authority.private_key.public_key())
