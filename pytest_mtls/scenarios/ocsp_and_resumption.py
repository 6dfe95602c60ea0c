"""With ssl_ocsp_cache a revoked client is let in until the cached answer ends.

Symptom: The responder says revoked, and nginx goes on letting the client in: for as long as the answer before was good
    for.
Cause: `ssl_ocsp_cache` keeps an answer until its nextUpdate, an hour or more, for new connections and resumed ones.
Safe: No cache: OCSP, other than a CRL, is asked on a resumed connection too.
Versions: All that have ssl_ocsp.
Source: nginx-tests ssl_ocsp.t; measured
"""

from pytest_mtls import Ocsp, Outcome
from pytest_mtls.stage import Stage, everywhere, needs_nginx

SHOWS = everywhere
NEEDS = [needs_nginx("1.19.0", "ssl_ocsp")]


def problem(stage: Stage) -> bool:
    return all(each.accepted for each in _after_revocation(stage, cache="shared:ocsp:1m"))


def safe(stage: Stage) -> None:
    fresh, resumed = _after_revocation(stage, cache=None)
    assert (fresh.internal_status, resumed.internal_status, resumed.resumed) == (495, 495, True)


def _after_revocation(stage: Stage, *, cache: str | None) -> tuple[Outcome, Outcome]:
    nginx = stage.nginx(ocsp=Ocsp(stage.ocsp_responder(), cache=cache), session_cache="shared:S:1m")
    mallory = stage.ca.issue_client("mallory")
    first = nginx.request(credential=mallory)
    assert first.accepted
    stage.ca.revoke(mallory)
    return nginx.request(credential=mallory), nginx.request(session=first.session)
