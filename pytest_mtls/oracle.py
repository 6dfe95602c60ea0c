"""What nginx will do, known before it is asked: a pure function of credential, situation and versions.

It follows the three programs in their order. **OpenSSL** goes through its checks phase by phase; nginx's callback waves
every error through (``ngx_ssl_verify_callback``), so checking goes on and the error of the last phase that found one is
the result. **nginx** looks at that result per request: it refuses any error, but for the five that ``optional_no_ca``
tolerates, and in mode ``on`` also the absence of a certificate (``ngx_http_process_request``,
``ngx_stream_ssl_handler``). **TLS** itself fails only where the client cannot prove that it has the private key (RFC
8446 section 4.4.3).

Every fact is a row of a table below; where versions differ, the version stands in the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Final

from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import Protocol, VerifyMode
from pytest_mtls.outcome import Expected, Layer
from pytest_mtls.pki.states import CredentialState as State
from pytest_mtls.reasons import TOLERATED_BY_OPTIONAL_NO_CA, X509_V_OK, verify_reason

DEFAULT_DEPTH: Final = 1
"""nginx's own ``ssl_verify_depth``, the number of intermediates that OpenSSL 1.1.0 and later allow."""


class Phase(IntEnum):
    """OpenSSL's checks in their order: ``verify_chain`` in ``crypto/x509/x509_vfy.c``."""

    BUILD = 1
    """``build_chain``: find the issuers, up to the depth allowed."""
    EXTENSIONS = 2
    """``check_extensions``: CA or not, purpose, path length, unknown critical extensions."""
    LEVEL = 3
    """``check_auth_level``: keys and digests against the security level."""
    REVOCATION = 4
    """``check_revocation``: a CRL for every certificate of the chain."""
    SIGNATURE = 5
    """``internal_verify``: signatures."""
    TIME = 6
    """``internal_verify``: validity, after the signature of the same certificate."""
    NAMES = 7
    """``check_name_constraints``."""


PHASES: Final = MappingProxyType(
    {
        18: Phase.BUILD,
        19: Phase.BUILD,
        20: Phase.BUILD,
        22: Phase.BUILD,
        25: Phase.EXTENSIONS,
        26: Phase.EXTENSIONS,
        34: Phase.EXTENSIONS,
        66: Phase.LEVEL,
        68: Phase.LEVEL,
        3: Phase.REVOCATION,
        23: Phase.REVOCATION,
        7: Phase.SIGNATURE,
        # A leaf whose issuer was not found stands alone, and that is only noticed where its signature would be checked.
        21: Phase.SIGNATURE,
        9: Phase.TIME,
        10: Phase.TIME,
        47: Phase.NAMES,
    }
)
"""``X509_V_ERR_*`` number -> where it is found."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a state shows, as OpenSSL sees it on a server that trusts the cast's authority.

    Attributes:
        errors: that its own defects give.
        intermediates: between leaf and authority, all sent.
        visible_from: the depth from which its defects are seen although the chain is cut short; ``None`` for only in
            full.
        ends_at_authority: whether its topmost issuer is the authority.
        sent: how many certificates are sent with it where none leads to the authority.
        revoked: whether a CRL of the chain lists a part of it.
    """

    errors: tuple[int, ...] = ()
    intermediates: int = 0
    visible_from: int | None = None
    ends_at_authority: bool = True
    sent: int = 0
    revoked: bool = False


_ALONE: Final = Chain((20, 21), ends_at_authority=False)

CHAINS: Final = MappingProxyType(
    {
        State.VALID: Chain(),
        State.VALID_RSA: Chain(),
        State.VALID_ED25519: Chain(),
        State.VIA_INTERMEDIATE: Chain(intermediates=1),
        State.INTERMEDIATE_NOT_SENT: _ALONE,
        State.VIA_TWO_INTERMEDIATES: Chain(intermediates=2),
        State.TWO_INTERMEDIATES_NOT_SENT: _ALONE,
        State.CHAIN_TOO_DEEP: Chain(intermediates=3),
        State.NO_EKU: Chain(),
        State.BOTH_EKUS: Chain(),
        # X509_PURPOSE_SSL_CLIENT: clientAuth or no extension at all; "any" does not count (check_purpose_ssl_client).
        State.SERVER_AUTH_ONLY: Chain((26,)),
        State.ANY_EKU_ONLY: Chain((26,)),
        # ... and digitalSignature or keyAgreement.
        State.KEY_ENCIPHERMENT_ONLY: Chain((26,)),
        State.UNKNOWN_CA: _ALONE,
        State.UNKNOWN_CA_WITH_ROOT: Chain((19,), ends_at_authority=False, sent=1),
        State.UNKNOWN_CA_WITH_INTERMEDIATE: Chain((20,), ends_at_authority=False, sent=1),
        State.SELF_SIGNED: Chain((18,), ends_at_authority=False),
        State.IMPOSTOR: Chain((7,)),
        State.ISSUED_BY_NON_CA: Chain((26,), intermediates=1, visible_from=0),
        State.PATH_LENGTH_EXCEEDED: Chain((25,), intermediates=2, visible_from=1),
        State.NAME_CONSTRAINT_VIOLATED: Chain((47,), intermediates=1, visible_from=0),
        State.EXPIRED: Chain((10,)),
        State.NOT_YET_VALID: Chain((9,)),
        State.EXPIRED_INTERMEDIATE: Chain((10,), intermediates=1),
        State.EXPIRED_ROOT: _ALONE,
        State.REVOKED: Chain(revoked=True),
        State.REVOKED_INTERMEDIATE: Chain(intermediates=1, revoked=True),
        State.WEAK_KEY: Chain((66,)),
        State.SHA1_SIGNATURE: Chain((68,)),
        State.UNKNOWN_CRITICAL_EXTENSION: Chain((34,)),
        State.WRONG_KEY: Chain(),
        State.EXPIRED_UNKNOWN_CA: Chain((20, 21, 10), ends_at_authority=False),
        State.SERVER_AUTH_UNKNOWN_CA: Chain((20, 26, 21), ends_at_authority=False),
    }
)
"""Every state but ``NONE``, which shows nothing."""


class Change(Enum):
    """What OpenSSL did otherwise before a version: the version, and where that can be read.

    Nothing else in this file asks for a version.
    """

    DEPTH_HIDES_THE_ISSUER = (
        (3, 0),
        "a chain deeper than allowed: 1.1.1 counts and says 22; from 3.0 build_chain() stops looking and finds no "
        "issuer, so what was there up to that depth is judged (x509_vfy.c)",
    )
    PACKAGERS_CHOOSE_LEVEL_2 = (
        (3, 0),
        "Debian's 3.0 starts at security level 2 and its 1.1.1 at 1, measured with OPENSSL_CONF at the null device; "
        "OpenSSL's own 3.0 starts at 1 (SSL_CTX_set_security_level(3))",
    )
    LEVEL_2_BY_DEFAULT = ((3, 2), "the default security level is 2, so RSA 1024 and SHA-1 are refused (NEWS of 3.2)")
    NO_CRL_FOR_SELF_SIGNED = (
        (3, 6),
        "check_revocation() no longer looks for the CRL of a self-signed end of a chain",
    )

    def __init__(self, since: tuple[int, ...], source: str) -> None:
        self.since = since
        self.source = source

    def is_in(self, build: NginxBuild) -> bool:
        """Whether the OpenSSL that this nginx runs with has it."""
        return build.openssl_at_least(*self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the answer depends on besides the credential.

    Attributes:
        verify: ``ssl_verify_client``.
        depth: ``ssl_verify_depth``.
        crl: whether ``ssl_crl`` is set, with the CRL of every CA of the cast.
        protocol: http or stream.
    """

    verify: VerifyMode
    depth: int = DEFAULT_DEPTH
    crl: bool = False
    protocol: Protocol = Protocol.HTTP


def verify_code(state: State, situation: Situation, build: NginxBuild) -> int:
    """The number OpenSSL arrives at: the error of the last phase that finds one, else ``X509_V_OK``."""
    chain = CHAINS[state]
    errors: list[int] = []
    cut = chain.ends_at_authority and chain.intermediates > situation.depth
    counted = chain.sent > situation.depth and not Change.DEPTH_HIDES_THE_ISSUER.is_in(build)
    if counted:
        errors.append(22)
    elif cut:
        errors.append(20 if Change.DEPTH_HIDES_THE_ISSUER.is_in(build) else 22)
    if not (cut or counted) or (chain.visible_from is not None and situation.depth >= chain.visible_from):
        errors += chain.errors
    if situation.crl:
        errors += _revocation(state, chain, cut, build)
    errors = [code for code in errors if not _within_level(code, build)]
    return max(errors, key=PHASES.__getitem__, default=X509_V_OK)


def _revocation(state: State, chain: Chain, cut: bool, build: NginxBuild) -> list[int]:
    """nginx asks for a CRL for every certificate (``X509_V_FLAG_CRL_CHECK_ALL`` in ``ngx_ssl_crl``)."""
    if state is State.SELF_SIGNED and Change.NO_CRL_FOR_SELF_SIGNED.is_in(build):
        return []
    if cut or not chain.ends_at_authority:
        return [3]
    return [23] if chain.revoked else []


def _within_level(code: int, build: NginxBuild) -> bool:
    """Whether an error is none at that OpenSSL's security level: RSA 1024 and SHA-1 are refused from level 2 on."""
    packaged = build.is_debian_package and Change.PACKAGERS_CHOOSE_LEVEL_2.is_in(build)
    return code in (66, 68) and not (packaged or Change.LEVEL_2_BY_DEFAULT.is_in(build))


def expect(state: State, situation: Situation, build: NginxBuild) -> Expected:
    """What nginx will do with a credential of that state.

    Args:
        state: which of the cast.
        situation: how the server is set up; it trusts the cast's authority.
        build: the nginx that answers.
    """
    layer = Layer.HTTP if situation.protocol is Protocol.HTTP else Layer.STREAM
    if situation.verify is VerifyMode.OFF:
        return _accepted(layer, "NONE", because="off: no certificate is asked for, none is looked at")
    if state is State.NONE:
        if situation.verify is VerifyMode.ON:
            return _refused(layer, "NONE", 496, None, "no_certificate", "on: no certificate (ngx_http_process_request)")
        return _accepted(layer, "NONE", because="optional: the absence of a certificate is allowed")
    if state is State.WRONG_KEY:
        return Expected(
            accepted=False,
            layer=Layer.TLS,
            reason="decrypt_error",
            alert="decrypt_error",
            because="CertificateVerify does not verify (RFC 8446 section 4.4.3): the one case where TLS itself fails",
        )
    code = verify_code(state, situation, build)
    reason = verify_reason(code)
    if code == X509_V_OK:
        return _accepted(layer, "SUCCESS", because="OpenSSL found nothing wrong")
    if situation.verify is VerifyMode.OPTIONAL_NO_CA and code in TOLERATED_BY_OPTIONAL_NO_CA:
        return _accepted(layer, "FAILED", code, reason, "one of the five of ngx_ssl_verify_error_optional")
    return _refused(
        layer, "FAILED", 495, code, reason, f"OpenSSL's last error, found in phase {PHASES[code].name.lower()}"
    )


def _accepted(
    layer: Layer, verify: str, code: int | None = None, reason: str | None = None, because: str = ""
) -> Expected:
    return Expected(
        accepted=True,
        layer=layer,
        status=200 if layer is Layer.HTTP else None,
        verify=verify,
        verify_code=code,
        reason=reason,
        because=because,
    )


def _refused(layer: Layer, verify: str, internal: int, code: int | None, reason: str | None, because: str) -> Expected:
    http = layer is Layer.HTTP
    return Expected(
        accepted=False,
        layer=layer,
        status=400 if http else None,
        internal_status=internal if http else None,
        verify=verify,
        verify_code=code,
        reason=reason,
        because=because,
    )
