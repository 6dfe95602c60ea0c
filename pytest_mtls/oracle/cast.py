"""The cast as OpenSSL sees it: who signed whom, what is sent, and what is wrong with each.

Certificates go by the names they have in :class:`pytest_mtls.pki.cast.Authorities`; a leaf goes by its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pytest_mtls.pki.states import CredentialState as State

AUTHORITY: Final = "authority"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of a chain.

    Attributes:
        issuer: the name of what signed it; its own where it is self-signed.
        errors: what OpenSSL finds in it wherever it stands in a chain, as ``X509_V_ERR_*``.
        path_length: of its basic constraints.
    """

    issuer: str
    errors: tuple[int, ...] = ()
    path_length: int | None = None


AUTHORITIES: Final[Mapping[str, Certificate]] = MappingProxyType(
    {
        AUTHORITY: Certificate(AUTHORITY),
        "intermediate": Certificate(AUTHORITY),
        "second": Certificate("intermediate"),
        "third": Certificate("second"),
        "without_intermediates": Certificate(AUTHORITY, path_length=0),
        "beyond_path_length": Certificate("without_intermediates"),
        # check_name_constraints() looks, for each CA, at what stands below it.
        "constrained": Certificate(AUTHORITY, (47,)),
        "expired_intermediate": Certificate(AUTHORITY, (10,)),
        "revoked_intermediate": Certificate(AUTHORITY),
        # check_extensions(): a CA is wanted here and it is none; then its purpose is wrong as well, which comes last.
        "no_authority": Certificate(AUTHORITY, (26,)),
        "expired_root": Certificate("expired_root", (10,)),
        "unknown": Certificate("unknown"),
        "unknown_intermediate": Certificate("unknown"),
    }
)
"""Everything of the cast that signs."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client of one state shows.

    Attributes:
        leaf: its own certificate.
        sent: what it sends after that.
    """

    leaf: Certificate
    sent: tuple[str, ...] = ()


def _signed_by(issuer: str, *errors: int, sent: tuple[str, ...] = ()) -> Shown:
    return Shown(Certificate(issuer, errors), sent)


def _self_signed(state: State) -> Shown:
    return Shown(Certificate(state))


CAST: Final[Mapping[State, Shown]] = MappingProxyType(
    {
        State.VALID: _signed_by(AUTHORITY),
        State.VALID_RSA: _signed_by(AUTHORITY),
        State.VALID_ED25519: _signed_by(AUTHORITY),
        State.VIA_INTERMEDIATE: _signed_by("intermediate", sent=("intermediate",)),
        State.INTERMEDIATE_NOT_SENT: _signed_by("intermediate"),
        State.VIA_TWO_INTERMEDIATES: _signed_by("second", sent=("second", "intermediate")),
        State.TWO_INTERMEDIATES_NOT_SENT: _signed_by("second"),
        State.CHAIN_TOO_DEEP: _signed_by("third", sent=("third", "second", "intermediate")),
        State.NO_EKU: _signed_by(AUTHORITY),
        State.BOTH_EKUS: _signed_by(AUTHORITY),
        # X509_PURPOSE_SSL_CLIENT: clientAuth or no extension at all; "any" does not count (check_purpose_ssl_client).
        State.SERVER_AUTH_ONLY: _signed_by(AUTHORITY, 26),
        State.ANY_EKU_ONLY: _signed_by(AUTHORITY, 26),
        # ... and digitalSignature or keyAgreement.
        State.KEY_ENCIPHERMENT_ONLY: _signed_by(AUTHORITY, 26),
        State.UNKNOWN_CA: _signed_by("unknown"),
        State.UNKNOWN_CA_WITH_ROOT: _signed_by("unknown", sent=("unknown",)),
        State.UNKNOWN_CA_WITH_INTERMEDIATE: _signed_by("unknown_intermediate", sent=("unknown_intermediate",)),
        State.SELF_SIGNED: _self_signed(State.SELF_SIGNED),
        State.PINNED_SELF_SIGNED: _self_signed(State.PINNED_SELF_SIGNED),
        State.IMPOSTOR: _signed_by(AUTHORITY, 7),
        State.ISSUED_BY_NON_CA: _signed_by("no_authority", sent=("no_authority",)),
        State.PATH_LENGTH_EXCEEDED: _signed_by(
            "beyond_path_length", sent=("beyond_path_length", "without_intermediates")
        ),
        State.NAME_CONSTRAINT_VIOLATED: _signed_by("constrained", sent=("constrained",)),
        State.EXPIRED: _signed_by(AUTHORITY, 10),
        State.NOT_YET_VALID: _signed_by(AUTHORITY, 9),
        State.EXPIRED_INTERMEDIATE: _signed_by("expired_intermediate", sent=("expired_intermediate",)),
        State.EXPIRED_ROOT: _signed_by("expired_root"),
        State.REVOKED: _signed_by(AUTHORITY),
        State.REVOKED_INTERMEDIATE: _signed_by("revoked_intermediate", sent=("revoked_intermediate",)),
        State.WEAK_KEY: _signed_by(AUTHORITY, 66),
        State.SHA1_SIGNATURE: _signed_by(AUTHORITY, 68),
        State.UNKNOWN_CRITICAL_EXTENSION: _signed_by(AUTHORITY, 34),
        State.WRONG_KEY: _signed_by(AUTHORITY),
        State.EXPIRED_UNKNOWN_CA: _signed_by("unknown", 10),
        State.SERVER_AUTH_UNKNOWN_CA: _signed_by("unknown", 26),
    }
)
"""Every state but ``NONE``, which shows nothing."""
