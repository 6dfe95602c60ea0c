"""What an answer depends on besides the credential and the versions: how the server is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from pytest_mtls.nginx.spec import Protocol, VerifyMode
from pytest_mtls.oracle.cast import AUTHORITIES, AUTHORITY
from pytest_mtls.pki.states import CredentialState as State

DEFAULT_DEPTH: Final = 1
"""nginx's own ``ssl_verify_depth``, the number of intermediates that OpenSSL 1.1.0 and later allow."""


class CrlAge(Enum):
    """Whether a CRL is in force now (RFC 5280 section 5.1.2)."""

    CURRENT = "current"
    EXPIRED = "expired"
    """Past its nextUpdate."""
    NOT_YET_VALID = "not yet valid"
    """Before its thisUpdate."""


@dataclass(frozen=True, slots=True)
class Crl:
    """One CA's list.

    Attributes:
        age: whether it is in force.
        revoked: names of the certificates on it.
    """

    age: CrlAge = CrlAge.CURRENT
    revoked: frozenset[str] = frozenset()


COMPLETE: Final[Mapping[str, Crl]] = MappingProxyType(
    {
        **{name: Crl() for name in AUTHORITIES if not name.startswith("unknown")},
        AUTHORITY: Crl(revoked=frozenset({State.REVOKED, "revoked_intermediate"})),
    }
)
"""A CRL of every CA of the cast, but for those nobody knows: ``crl=True``."""


class OcspStatus(Enum):
    """What nginx makes of a responder's answer: its own texts (``ngx_ssl_ocsp_get_status``) by stable names."""

    GOOD = "good"
    REVOKED = "certificate_revoked"
    UNKNOWN = "ocsp_status_unknown"
    FAILED = "ocsp_request_failed"
    """No proper answer. nginx fails hard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ocsp:
    """Whom nginx asks about a client's certificate, and what it is told.

    Attributes:
        whole_chain: ``ssl_ocsp on``; else ``leaf``.
        answers: by the name of the certificate's issuer: what is said of whatever that CA issued. Of others nothing
            proper is said.
        revoked: names of certificates that are said to be revoked all the same.
    """

    whole_chain: bool = False
    answers: Mapping[str, OcspStatus] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How a server is set up.

    Attributes:
        verify: ``ssl_verify_client``.
        depth: ``ssl_verify_depth``.
        trusted: names of what is in ``ssl_client_certificate`` and ``ssl_trusted_certificate``: for verification the
            two are one.
        crls: ``ssl_crl``, by the CA's name; ``None`` where it is not set.
        ocsp: ``ssl_ocsp``; ``None`` where nobody is asked.
        protocol: http or stream.
    """

    verify: VerifyMode
    depth: int = DEFAULT_DEPTH
    trusted: frozenset[str] = frozenset({AUTHORITY})
    crls: Mapping[str, Crl] | None = None
    ocsp: Ocsp | None = None
    protocol: Protocol = Protocol.HTTP
