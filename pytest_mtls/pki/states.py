"""The cast: every kind of credential a server should have met, each with exactly one thing wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.cast import Authorities
    from pytest_mtls.pki.credential import Credential


class CredentialState(str, Enum):
    """What a client shows. ``str()`` gives an identifier such as ``via-intermediate``.

    What nginx makes of each is measured in the truth table; names and meanings here say only what is shown.

    Attributes:
        description: one sentence about what is shown.
    """

    description: str

    def __new__(cls, value: str, description: str = "") -> CredentialState:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member

    def __str__(self) -> str:
        return str(self.value)

    NONE = "none", "No certificate at all."

    VALID = "valid", "An EC certificate of the authority, with nothing wrong."
    VALID_RSA = "valid-rsa", "As valid, with an RSA key of 2048 bits."
    VALID_ED25519 = "valid-ed25519", "As valid, with an Ed25519 key."

    VIA_INTERMEDIATE = "via-intermediate", "Issued by an intermediate below the authority, which is sent along."
    INTERMEDIATE_NOT_SENT = "intermediate-not-sent", "Issued by an intermediate, which is not sent along."
    VIA_TWO_INTERMEDIATES = "via-two-intermediates", "Issued two intermediates below the authority, both sent along."
    TWO_INTERMEDIATES_NOT_SENT = (
        "two-intermediates-not-sent",
        "Issued two intermediates below the authority, neither sent along.",
    )
    CHAIN_TOO_DEEP = (
        "chain-too-deep",
        "Issued three intermediates below the authority, all sent along: one more than via-two-intermediates.",
    )

    NO_EKU = "no-eku", "No extended key usage, so any is allowed."
    BOTH_EKUS = "both-ekus", "Extended key usage clientAuth and serverAuth."
    SERVER_AUTH_ONLY = "server-auth-only", "Extended key usage serverAuth, without clientAuth."
    ANY_EKU_ONLY = "any-eku-only", "Extended key usage anyExtendedKeyUsage, without clientAuth."
    KEY_ENCIPHERMENT_ONLY = "key-encipherment-only", "Key usage keyEncipherment, without digitalSignature."

    UNKNOWN_CA = "unknown-ca", "Issued by an authority that the server does not know, and sent alone."
    UNKNOWN_CA_WITH_ROOT = "unknown-ca-with-root", "As unknown-ca, with that authority's own certificate sent along."
    UNKNOWN_CA_WITH_INTERMEDIATE = (
        "unknown-ca-with-intermediate",
        "Issued by an intermediate of an unknown authority, with the intermediate sent along but not the root.",
    )
    SELF_SIGNED = "self-signed", "Signed with its own key, and not known to the server."
    IMPOSTOR = "impostor", "Names the authority, name and key identifier, as its issuer but is signed by another key."
    ISSUED_BY_NON_CA = "issued-by-non-ca", "Issued by a mere client certificate of the authority, which is sent along."
    PATH_LENGTH_EXCEEDED = (
        "path-length-exceeded",
        "Issued two intermediates below the authority, the upper of which may have none below it.",
    )
    NAME_CONSTRAINT_VIOLATED = (
        "name-constraint-violated",
        "Issued, for another DNS name, by an intermediate that may issue for permitted.example only.",
    )

    EXPIRED = "expired", "Ended a day ago."
    NOT_YET_VALID = "not-yet-valid", "Starts in a day."
    EXPIRED_INTERMEDIATE = (
        "expired-intermediate",
        "Issued by an intermediate, sent along, that ended a day ago.",
    )
    EXPIRED_ROOT = (
        "expired-root",
        "Issued by another authority, which ended a day ago: the server is to be told to trust it.",
    )

    REVOKED = "revoked", "Revoked by the authority that issued it."
    REVOKED_INTERMEDIATE = "revoked-intermediate", "Issued by an intermediate, sent along, that the authority revoked."

    WEAK_KEY = "weak-key", "An RSA key of 1024 bits."
    SHA1_SIGNATURE = "sha1-signature", "Signed by the authority with SHA-1."
    UNKNOWN_CRITICAL_EXTENSION = "unknown-critical-extension", "A critical extension that nobody knows."
    WRONG_KEY = "wrong-key", "A valid certificate, shown by someone who has another private key."

    EXPIRED_UNKNOWN_CA = "expired-unknown-ca", "Issued by an unknown authority, and ended a day ago."
    SERVER_AUTH_UNKNOWN_CA = "server-auth-unknown-ca", "Issued by an unknown authority, for serverAuth only."

    PINNED_SELF_SIGNED = (
        "pinned-self-signed",
        "Signed with its own key, for a server whose client_ca names it; to any other it is as self-signed.",
    )


_IDENTIFIERS = frozenset(state.value for state in CredentialState)


class Credentials(Mapping[CredentialState, Optional["Credential"]]):
    """Every state's credential, all of one authority; ``None`` for :attr:`CredentialState.NONE`.

    Each is minted when it is first asked for, and stays the same. States are found by member or identifier. Threads may
    use it at once. Its common name is the state's identifier.

    Args:
        authority: what the server under test trusts. Minting a revoked state revokes it there.
    """

    def __init__(self, authority: CertificateAuthority) -> None:
        from pytest_mtls.pki.cast import Authorities  # only here, as it leads to cryptography

        self._authority = authority
        self._authorities = Authorities(authority)
        self._minted: dict[CredentialState, Credential | None] = {}
        self._lock = threading.RLock()

    @property
    def authority(self) -> CertificateAuthority:
        """What the server under test trusts."""
        return self._authority

    @property
    def intermediate(self) -> CertificateAuthority:
        """The one that issued :attr:`CredentialState.VIA_INTERMEDIATE`."""
        with self._lock:
            return self._authorities.intermediate

    @property
    def expired_root(self) -> CertificateAuthority:
        """The one that issued :attr:`CredentialState.EXPIRED_ROOT`."""
        with self._lock:
            return self._authorities.expired_root

    @property
    def unknown(self) -> CertificateAuthority:
        """The one that issued :attr:`CredentialState.UNKNOWN_CA`."""
        with self._lock:
            return self._authorities.unknown

    @property
    def made(self) -> Mapping[str, x509.Certificate]:
        """Every certificate there is by now: a CA's by the name of its role, a credential's by its state."""
        with self._lock:
            credentials = {str(state): each.certificate for state, each in self._minted.items() if each is not None}
            return {name: each.certificate for name, each in self._authorities.made.items()} | credentials

    @property
    def trust_pem(self) -> bytes:
        """What a server must trust so that each credential has but its own defect, as PEM.

        That is the authority up to its root, and the expired authority of :attr:`CredentialState.EXPIRED_ROOT`. A
        server that trusts the authority alone treats that one state as an unknown authority's.
        """
        with self._lock:
            return self._authority.chain_pem + self._authorities.expired_root.certificate_pem

    def crl_bundle(
        self,
        *,
        without: Iterable[CertificateAuthority] = (),
        last_update: datetime | None = None,
        next_update: datetime | None = None,
    ) -> bytes:
        """The CRLs of the authority, those above it, and each one the cast has below it, as PEM: all nginx needs.

        The revoked states are minted first, so that they are listed.

        Args:
            without: whose CRL to leave out.
            last_update: of each, as for :meth:`CertificateAuthority.crl`.
            next_update: the same.

        Raises:
            InvalidArgument: see :meth:`CertificateAuthority.crl_bundle` and :meth:`CertificateAuthority.crl`.
        """
        from pytest_mtls.pki.lasting import LastingAuthority  # only here, as it leads to cryptography

        if next_update is None and isinstance(self._authority, LastingAuthority):
            next_update = self._authority.certificate.not_valid_after_utc  # also of those that have ended on purpose
        left_out = {id(each) for each in without}
        return b"".join(
            each.crl(last_update=last_update, next_update=next_update)
            for each in self.crl_issuers
            if id(each) not in left_out
        )

    @property
    def crl_issuers(self) -> tuple[CertificateAuthority, ...]:
        """Whose CRLs :meth:`crl_bundle` joins; the revoked states are minted first.

        Raises:
            InvalidArgument: see :meth:`CertificateAuthority.crl_bundle`.
        """
        with self._lock:
            for state in (CredentialState.REVOKED, CredentialState.REVOKED_INTERMEDIATE):
                self[state]
            return (*self._authority.lineage, *self._authorities.below())

    def __getitem__(self, state: CredentialState | str) -> Credential | None:
        try:
            member = CredentialState(state)
        except ValueError:
            raise KeyError(f"{state!r} is no state; there are {', '.join(map(str, CredentialState))}") from None
        with self._lock:
            if member not in self._minted:
                self._minted[member] = _mint(member, self._authorities)
            return self._minted[member]

    def __contains__(self, state: object) -> bool:
        return isinstance(state, str) and state in _IDENTIFIERS

    def __iter__(self) -> Iterator[CredentialState]:
        return iter(CredentialState)

    def __len__(self) -> int:
        return len(CredentialState)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._authority!r}, {len(self._minted)} of {len(self)} minted>"

    # A mapping compares its items, which here would mint them all.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


def _mint(state: CredentialState, authorities: Authorities) -> Credential | None:
    from pytest_mtls.pki.cast import RECIPES  # only here, as it leads to cryptography

    return RECIPES[state](authorities)
