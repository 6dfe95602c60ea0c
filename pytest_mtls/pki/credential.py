"""What a client, or a server, shows and proves: certificate, chain and private key."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from pytest_mtls.errors import InvalidArgument, KeyMismatch
from pytest_mtls.pki import keys, pem
from pytest_mtls.pki.files import CredentialFiles, make_private_folder, write_private
from pytest_mtls.pki.issued import CertificateTexts, HasCertificate, certificates_of
from pytest_mtls.pki.pkcs12_reading import load_pkcs12
from pytest_mtls.pki.tls import load_credential
from pytest_mtls.secret import Secret

if TYPE_CHECKING:
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.keys import PrivateKey


@dataclass(frozen=True, repr=False, eq=False)
class Credential(CertificateTexts):
    """A certificate, the chain sent after it, and a private key.

    Two are equal if certificate, chain and public half of the key are. The text of one never shows its key.

    Attributes:
        certificate: the leaf (of ``cryptography``).
        private_key: normally the leaf's own, see :attr:`matches_key`.
        chain: what is sent after the leaf, in that order; normally the intermediates, without the root (RFC 5246
            section 7.4.2).
        name: what its files are called; by default its common name.
        authority: who issued it, where that is known: what renews it.
    """

    certificate: x509.Certificate
    private_key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()
    name: str = ""
    authority: CertificateAuthority | None = None

    @classmethod
    def from_pem(
        cls,
        chain: pem.PemSource,
        key: pem.PemSource,
        password: str | bytes | None = None,
        *,
        allow_mismatch: bool = False,
    ) -> Credential:
        """A credential from elsewhere, sent as it is: nothing is added, left out or put in order.

        Args:
            chain: PEM (or a ``pathlib.Path``) of the leaf, then of what is sent after it.
            key: PEM (or a ``pathlib.Path``) of the leaf's private key.
            password: what the key is encrypted with, if it is.
            allow_mismatch: take a key that is not the leaf's, too.

        Raises:
            InvalidPem: either is not what it should be; the message says what was found instead.
            KeyMismatch: the key is not the leaf's.
            OSError: a file cannot be read.
        """
        leaf, *others = pem.load_certificates(chain)
        credential = cls(leaf, pem.load_private_key(key, password), tuple(others))
        if not allow_mismatch and not credential.matches_key:
            raise KeyMismatch(_mismatch(credential))
        return credential

    @classmethod
    def from_pkcs12(cls, source: bytes | os.PathLike[str], password: str | bytes | None = None) -> Credential:
        """A credential out of a PKCS #12 file (RFC 7292), such as a browser exported.

        Args:
            source: its bytes, or a ``pathlib.Path``.
            password: what it is encrypted with, if it is.

        Raises:
            InvalidPkcs12: it is none, it is damaged, the password is another one, or certificate or key are missing.
            OSError: the file cannot be read.
        """
        certificate, private_key, chain = load_pkcs12(source, password)
        return cls(certificate, private_key, chain)

    @cached_property
    def matches_key(self) -> bool:
        """Whether the private key is the certificate's."""
        return key_belongs_to(self.private_key, self.certificate)

    @cached_property
    def private_key_pem(self) -> bytes:
        """The private key as PKCS #8 PEM, not encrypted."""
        return keys.private_key_pem(self.private_key)

    @cached_property
    def private_key_der(self) -> bytes:
        """The private key as PKCS #8 DER, not encrypted."""
        return keys.private_key_der(self.private_key)

    def encrypted_private_key_pem(self, password: str | bytes) -> bytes:
        """The private key as PKCS #8 PEM, encrypted.

        Raises:
            InvalidArgument: the password is empty.
        """
        return keys.private_key_pem(self.private_key, password)

    def pkcs12(self, password: str | bytes | None = None, *, legacy: bool = False) -> bytes:
        """Everything in one PKCS #12 file (RFC 7292), as browsers import it.

        Args:
            password: what it is encrypted with; ``None`` leaves it readable by anyone.
            legacy: encrypt as programs of before 2020 can read it: 3DES and SHA-1.

        Raises:
            InvalidArgument: the password is empty.
            KeyMismatch: the key is another certificate's, which the format does not allow.
        """
        if not self.matches_key:
            raise KeyMismatch(_mismatch(self))
        if password is not None and not password:
            raise InvalidArgument("The password of a PKCS #12 file is empty; None leaves it unencrypted.")
        encryption = _pkcs12_encryption(password, legacy)
        name = str(self).encode()
        return Secret(
            pkcs12.serialize_key_and_certificates(name, self.private_key, self.certificate, self.chain, encryption)
        )

    def write_to(
        self, folder: str | os.PathLike[str], *, name: str | None = None, pkcs12_password: str | bytes | None = None
    ) -> CredentialFiles:
        """Write certificate, key, chain and PKCS #12 to a folder, replacing what an earlier call wrote.

        The PKCS #12 file is left out where the key is another certificate's: the format cannot hold that.

        Args:
            folder: made with mode 0700 if it is not there. The files have 0600 from the start.
            name: what the files are called, made safe; by default :attr:`name`, else the common name.
            pkcs12_password: what the PKCS #12 file is encrypted with; the key file is not encrypted in any case.

        Raises:
            InvalidArgument: the password is empty.
            OSError: it cannot be written.
        """
        files = self.files_in(make_private_folder(folder), name=name)
        write_private(files.certificate, self.certificate_pem)
        write_private(files.key, self.private_key_pem)
        write_private(files.chain, self.chain_pem)
        if self.matches_key:
            write_private(files.pkcs12, self.pkcs12(pkcs12_password))
        return files

    def files_in(self, folder: str | os.PathLike[str], *, name: str | None = None) -> CredentialFiles:
        """Where :meth:`write_to` would write; nothing is written."""
        return CredentialFiles.named(folder, name or self.name or str(self))

    def without_chain(self) -> Credential:
        """The same, but the leaf is sent alone."""
        return replace(self, chain=())

    def with_chain(self, *certificates: x509.Certificate | HasCertificate) -> Credential:
        """The same, but after the leaf these are sent, in this order; of an authority its own certificate."""
        return replace(self, chain=certificates_of(certificates))

    def with_private_key(self, key: PrivateKey | Credential) -> Credential:
        """The same with another private key, which may be another certificate's: on purpose, then."""
        return replace(self, private_key=key.private_key if isinstance(key, Credential) else key)

    def ssl_context(self, trust: bytes | str | None = None, *, allow_mismatch: bool = False) -> ssl.SSLContext:
        """A new client context of the standard library that presents this credential.

        It sends what it is given, however weak: the security level is 0.

        Args:
            trust: PEM of the authorities that may have issued the server's certificate, whose name is then checked
                too. ``None`` checks nothing about the server.
            allow_mismatch: see :func:`~pytest_mtls.pki.tls.load_credential`.

        Raises:
            KeyMismatch: the key is another certificate's.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if trust is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(cadata=trust.decode() if isinstance(trust, bytes) else trust)
        load_credential(context, self, allow_mismatch=allow_mismatch)
        return context

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        return (*super()._identity, keys.public_key_der(self.private_key.public_key()))


def key_belongs_to(private_key: PrivateKey, certificate: x509.Certificate) -> bool:
    """Whether it is the private half of the certificate's key; never, where that cannot be read."""
    try:
        return certificate.public_key() == private_key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _mismatch(credential: Credential) -> str:
    message = f"The private key is not the one of the first certificate ({credential})"
    for position, certificate in enumerate(credential.chain, start=2):
        if key_belongs_to(credential.private_key, certificate):
            return f"{message}, but that of certificate {position}: the leaf must come first."
    return f"{message}, nor of any other that was given; give the key that was made together with it."


def _pkcs12_encryption(password: str | bytes | None, legacy: bool) -> serialization.KeySerializationEncryption:
    if password is None:
        return serialization.NoEncryption()
    secret = password.encode() if isinstance(password, str) else password
    if not legacy:
        return serialization.BestAvailableEncryption(secret)
    return (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(50_000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())
        .build(secret)
    )
