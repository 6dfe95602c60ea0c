"""How each credential of the cast is made, and the authorities that this takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519

from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.keys import KeyType, PrivateKey
from pytest_mtls.pki.lasting import LastingAuthority
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.pki.template import CertificateOptions
from pytest_mtls.pki.validity import now

DAY = timedelta(days=1)
PRIVATE_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")  # 32473 is set aside for examples, RFC 5612


class Authorities:
    """The authority and those around it that the cast needs, each made when it is first used.

    Used by one thread at a time.
    """

    def __init__(self, authority: CertificateAuthority) -> None:
        self.authority = authority

    @cached_property
    def intermediate(self) -> CertificateAuthority:
        return self.authority.intermediate("pytest-mtls intermediate CA")

    @cached_property
    def second(self) -> CertificateAuthority:
        return self.intermediate.intermediate("pytest-mtls second intermediate CA")

    @cached_property
    def third(self) -> CertificateAuthority:
        return self.second.intermediate("pytest-mtls third intermediate CA")

    @cached_property
    def without_intermediates(self) -> CertificateAuthority:
        return self.authority.intermediate("pytest-mtls last CA", path_length=0)

    @cached_property
    def beyond_path_length(self) -> CertificateAuthority:
        return self.without_intermediates.intermediate("pytest-mtls CA after the last")

    @cached_property
    def constrained(self) -> CertificateAuthority:
        return self.authority.intermediate("pytest-mtls constrained CA", name_constraints=("DNS:permitted.example",))

    @cached_property
    def expired_intermediate(self) -> CertificateAuthority:
        return self.authority.intermediate("pytest-mtls expired CA", not_before=now() - 8 * DAY, not_after=now() - DAY)

    @cached_property
    def revoked_intermediate(self) -> CertificateAuthority:
        revoked = self.authority.intermediate("pytest-mtls revoked CA")
        self.authority.revoke(revoked)
        return revoked

    @cached_property
    def no_authority(self) -> CertificateAuthority:
        """A client's certificate that issues all the same. Without key usage: basicConstraints alone forbid it."""
        return self.authority.intermediate(
            "pytest-mtls client that issues",
            is_ca=False,
            key_usage=None,
            extended_key_usage=("clientAuth",),
        )

    @cached_property
    def signing_with_sha1(self) -> CertificateAuthority:
        """The authority itself, unless its key is of a kind that signs without a hash."""
        if isinstance(self.authority.private_key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
            return self.authority.intermediate("pytest-mtls CA for SHA-1", key_type=KeyType.EC_P256)
        return self.authority

    @cached_property
    def expired_root(self) -> CertificateAuthority:
        return CertificateAuthority("pytest-mtls expired root CA", not_before=now() - 8 * DAY, not_after=now() - DAY)

    @cached_property
    def unknown(self) -> CertificateAuthority:
        if isinstance(self.authority, LastingAuthority):
            return LastingAuthority("pytest-mtls unknown CA", not_after=self.authority.certificate.not_valid_after_utc)
        return CertificateAuthority("pytest-mtls unknown CA")

    @cached_property
    def unknown_intermediate(self) -> CertificateAuthority:
        return self.unknown.intermediate("pytest-mtls unknown intermediate CA")

    @cached_property
    def impostor(self) -> CertificateAuthority:
        # Of one kind with the authority's key: else OpenSSL sees from the algorithm that the two do not belong
        # together, and reports a missing issuer rather than a wrong signature.
        return CertificateAuthority(self.authority.certificate.subject, key_type=_kind_of(self.authority.private_key))

    @property
    def made(self) -> dict[str, CertificateAuthority]:
        """Those there are by now, by name. The impostor is nobody that a server could mean."""
        return {name: each for name, each in vars(self).items() if name not in ("impostor", "signing_with_sha1")}

    def below(self) -> tuple[CertificateAuthority, ...]:
        """All whose CRL a server needs that meets the cast, besides the authority's and those above it."""
        made = (
            self.intermediate,
            self.second,
            self.third,
            self.without_intermediates,
            self.beyond_path_length,
            self.constrained,
            self.expired_intermediate,
            self.revoked_intermediate,
            self.no_authority,
            self.expired_root,
        )
        return made if self.signing_with_sha1 is self.authority else (*made, self.signing_with_sha1)


def _kind_of(key: PrivateKey) -> KeyType:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return KeyType.ED25519
    return KeyType.EC_P256 if isinstance(key, ec.EllipticCurvePrivateKey) else KeyType.RSA_2048


_Recipe = Callable[[Authorities], Credential | None]


def _from_authority(state: CredentialState, options: CertificateOptions | None = None) -> _Recipe:
    return lambda make: make.authority.issue_client(str(state), **(options or {}))


def _valid_but_for_the_key(make: Authorities) -> Credential:
    return make.authority.issue_client("wrong-key").with_private_key(KeyType.EC_P256.generate())


def _revoked(make: Authorities) -> Credential:
    credential = make.authority.issue_client("revoked")
    make.authority.revoke(credential)
    return credential


def _self_signed(state: CredentialState) -> _Recipe:
    def recipe(make: Authorities) -> Credential:
        own = CertificateAuthority(
            str(state),
            is_ca=False,
            key_usage=("digitalSignature",),
            extended_key_usage=("clientAuth",),
            lifetime=DAY,
        )
        return Credential(own.certificate, own.private_key, name=str(state))

    return recipe


def _impostor(make: Authorities) -> Credential:
    claimed = make.authority.key_identifier
    return make.impostor.issue_client("impostor", extensions=[claimed], chain=make.authority.sent_chain)


_S = CredentialState
RECIPES: dict[CredentialState, _Recipe] = {
    _S.NONE: lambda make: None,
    _S.VALID: _from_authority(_S.VALID),
    _S.VALID_RSA: _from_authority(_S.VALID_RSA, {"key_type": KeyType.RSA_2048}),
    _S.VALID_ED25519: _from_authority(_S.VALID_ED25519, {"key_type": KeyType.ED25519}),
    _S.VIA_INTERMEDIATE: lambda make: make.intermediate.issue_client("via-intermediate"),
    _S.INTERMEDIATE_NOT_SENT: lambda make: make.intermediate.issue_client("intermediate-not-sent").without_chain(),
    _S.VIA_TWO_INTERMEDIATES: lambda make: make.second.issue_client("via-two-intermediates"),
    _S.TWO_INTERMEDIATES_NOT_SENT: (
        lambda make: make.second.issue_client("two-intermediates-not-sent").without_chain()
    ),
    _S.CHAIN_TOO_DEEP: lambda make: make.third.issue_client("chain-too-deep"),
    _S.NO_EKU: _from_authority(_S.NO_EKU, {"extended_key_usage": None}),
    _S.BOTH_EKUS: _from_authority(_S.BOTH_EKUS, {"extended_key_usage": ("clientAuth", "serverAuth")}),
    _S.SERVER_AUTH_ONLY: _from_authority(_S.SERVER_AUTH_ONLY, {"extended_key_usage": ("serverAuth",)}),
    _S.ANY_EKU_ONLY: _from_authority(_S.ANY_EKU_ONLY, {"extended_key_usage": ("anyExtendedKeyUsage",)}),
    _S.KEY_ENCIPHERMENT_ONLY: _from_authority(_S.KEY_ENCIPHERMENT_ONLY, {"key_usage": ("keyEncipherment",)}),
    _S.UNKNOWN_CA: lambda make: make.unknown.issue_client("unknown-ca"),
    _S.UNKNOWN_CA_WITH_ROOT: (lambda make: make.unknown.issue_client("unknown-ca-with-root").with_chain(make.unknown)),
    _S.UNKNOWN_CA_WITH_INTERMEDIATE: (
        lambda make: make.unknown_intermediate.issue_client("unknown-ca-with-intermediate")
    ),
    _S.SELF_SIGNED: _self_signed(_S.SELF_SIGNED),
    _S.PINNED_SELF_SIGNED: _self_signed(_S.PINNED_SELF_SIGNED),
    _S.IMPOSTOR: _impostor,
    _S.ISSUED_BY_NON_CA: lambda make: make.no_authority.issue_client("issued-by-non-ca"),
    _S.PATH_LENGTH_EXCEEDED: lambda make: make.beyond_path_length.issue_client("path-length-exceeded"),
    _S.NAME_CONSTRAINT_VIOLATED: (
        lambda make: make.constrained.issue_client("name-constraint-violated", sans=("DNS:elsewhere.example",))
    ),
    _S.EXPIRED: lambda make: make.authority.issue_client("expired", not_after=now() - DAY),
    _S.NOT_YET_VALID: lambda make: make.authority.issue_client("not-yet-valid", not_before=now() + DAY),
    _S.EXPIRED_INTERMEDIATE: lambda make: make.expired_intermediate.issue_client("expired-intermediate"),
    _S.EXPIRED_ROOT: lambda make: make.expired_root.issue_client("expired-root"),
    _S.REVOKED: _revoked,
    _S.REVOKED_INTERMEDIATE: lambda make: make.revoked_intermediate.issue_client("revoked-intermediate"),
    _S.WEAK_KEY: _from_authority(_S.WEAK_KEY, {"key_type": KeyType.RSA_1024}),
    _S.SHA1_SIGNATURE: lambda make: make.signing_with_sha1.issue_client("sha1-signature", signature_hash="sha1"),
    _S.UNKNOWN_CRITICAL_EXTENSION: _from_authority(
        _S.UNKNOWN_CRITICAL_EXTENSION,
        {"extensions": ((x509.UnrecognizedExtension(PRIVATE_EXTENSION, b"\5\0"), True),)},
    ),
    _S.WRONG_KEY: _valid_but_for_the_key,
    _S.EXPIRED_UNKNOWN_CA: lambda make: make.unknown.issue_client("expired-unknown-ca", not_after=now() - DAY),
    _S.SERVER_AUTH_UNKNOWN_CA: (
        lambda make: make.unknown.issue_client("server-auth-unknown-ca", extended_key_usage=("serverAuth",))
    ),
}
