"""What nginx answers: ``ngx_http_process_request`` and ``ngx_stream_ssl_handler``."""

from __future__ import annotations

from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import Protocol, VerifyMode
from pytest_mtls.oracle.revocation import ocsp_status
from pytest_mtls.oracle.situation import OcspStatus, Situation
from pytest_mtls.oracle.verification import Verification
from pytest_mtls.outcome import Expected, Layer
from pytest_mtls.pki.states import CredentialState as State
from pytest_mtls.reasons import TOLERATED_BY_OPTIONAL_NO_CA, verify_reason


def expect(state: State, situation: Situation, build: NginxBuild) -> Expected:
    """What nginx will do with a credential of that state.

    Args:
        state: which of the cast.
        situation: how the server is set up.
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
    verification = Verification(state, situation, build)
    found = verification.result
    if found is not None:
        reason = verify_reason(found.code)
        if situation.verify is VerifyMode.OPTIONAL_NO_CA and found.code in TOLERATED_BY_OPTIONAL_NO_CA:
            return _accepted(layer, "FAILED", found.code, reason, "one of the five of ngx_ssl_verify_error_optional")
        return _refused(layer, "FAILED", 495, found.code, reason, f"OpenSSL's last error, in {found.phase.value}")
    if situation.ocsp is not None:
        status = ocsp_status(state, verification.chain, situation.ocsp)
        if status is not OcspStatus.GOOD:
            because = "OCSP: whatever is not a proper `good` is a refusal (ngx_ssl_ocsp_get_status)"
            return _refused(layer, "FAILED", 495, None, status.value, because)
    return _accepted(layer, "SUCCESS", because="OpenSSL found nothing wrong")


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
