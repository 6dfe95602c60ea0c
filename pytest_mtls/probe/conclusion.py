"""What follows from what was seen: pure functions from the witnesses' words to the parts of an outcome."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_mtls.engines.journal import ConnectionLog, Record
from pytest_mtls.errors import MtlsError
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.outcome import Layer, Outcome
from pytest_mtls.probe.asked import Asked, story_of
from pytest_mtls.probe.channel import Ending, Evidence
from pytest_mtls.probe.http import Response
from pytest_mtls.probe.recorder import Forwarded
from pytest_mtls.probe.session import Session
from pytest_mtls.reasons import verify_reason

# nginx's own words, from ngx_http_process_request and ngx_stream_ssl_handler; OpenSSL's are never looked at.
_VERIFY_ERROR: Final = re.compile(r"client SSL certificate verify error: (?:\((\d+):.*?\)|(.*?)) while ")
_NO_CERTIFICATE: Final = "client sent no required SSL certificate"
_PLAIN_HTTP: Final = "client sent plain HTTP request to HTTPS port"
_OCSP_REASONS: Final = {
    "certificate revoked": "certificate_revoked",
    "certificate status unknown": "ocsp_status_unknown",
    "certificate status request failed": "ocsp_request_failed",
}


def unloadable(asked: Asked, error: Exception, build: NginxBuild, *, mode: str, url: str) -> Outcome:
    """The outcome of a credential that OpenSSL on this side would not load."""
    return Outcome(
        accepted=False,
        layer=Layer.CLIENT,
        reason="key_mismatch" if isinstance(error, MtlsError) else "credential_not_loadable",
        ending=Ending.NOT_SENT,
        nginx=build.version,
        openssl=build.openssl_version,
        story=story_of(asked, url=url, mode=mode, method="", host=None, detail=str(error)),
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """What nginx's log said against a request."""

    internal_status: int | None = None
    code: int | None = None
    reason: str | None = None


def refusal_of(
    lines: Iterable[str], record: Record | None, log: ConnectionLog | None, resumed_from: Session | None
) -> Refusal:
    for line in lines:
        if found := _VERIFY_ERROR.search(line):
            code = int(found[1]) if found[1] else None
            return Refusal(495, code, verify_reason(code) or _OCSP_REASONS.get(found[2] or "", "ocsp_failed"))
        if _NO_CERTIFICATE in line:
            return Refusal(496, None, "no_certificate")
        if _PLAIN_HTTP in line:
            return Refusal(497, None, "plain_http")
    verify = record.variables.get("ssl_client_verify", "") if record else ""
    if not verify.startswith("FAILED"):
        return Refusal()
    # Tolerated, so nginx logged nothing: the number stands in the last call of the verify callback, or came with the
    # session.
    if log and log.verifications:
        code = log.verifications[-1].error
    else:
        code = resumed_from.verify_code if resumed_from else None
    return Refusal(None, code, verify_reason(code) or "certificate_not_verified")


def layer_of(protocol: Protocol, evidence: Evidence) -> Layer:
    if evidence.ending is Ending.NOT_SENT:
        return Layer.CLIENT
    if evidence.plain and protocol is Protocol.HTTP:
        return Layer.HTTP
    if not evidence.handshake_completed or evidence.alert:
        return Layer.TLS
    return Layer.HTTP if protocol is Protocol.HTTP else Layer.STREAM


def is_accepted(
    protocol: Protocol, response: Response | None, record: Record | None, forwarded: Forwarded | None, refusal: Refusal
) -> bool:
    """Whether the request reached what lies behind the check."""
    if forwarded is not None or (record is not None and record.upstream_contacted):
        return True
    if protocol is Protocol.STREAM:
        return record is not None and record.status == 200
    # nginx answered by itself: a page of an error_page is not what the check protects.
    return response is not None and response.status < 400 and refusal.internal_status is None


def reason_of(response: Response | None) -> str | None:
    return "misdirected_request" if response is not None and response.status == 421 else None
