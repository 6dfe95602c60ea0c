"""Session tickets are off, and a revoked client still comes back with an old session.

Symptom: `ssl_session_tickets off` was set so that a revocation takes effect; the revoked client is let in all the same.
Cause: With a shared cache nginx keeps the session itself. It is found again by its number after a reload, and whom it
    belongs to is not verified again.
Safe: `ssl_session_cache off` as well; or `builtin`, a cache of each worker's own, which ends with it.
Versions: All alike, with TLS 1.2 and 1.3.
Source: nodejs/help issue 4495; measured
"""

from typing import Any

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    return all(_comes_back(stage, tls, session_cache="shared:S:1m") for tls in ("1.2", "1.3"))


def safe(stage: Stage) -> None:
    for cache in ("off", "builtin:1000"):
        assert not any(_comes_back(stage, tls, session_cache=cache) for tls in ("1.2", "1.3"))


def _comes_back(stage: Stage, tls: str, **cache: Any) -> bool:
    nginx = stage.nginx(crl=stage.ca.crl(), tls=tls, session_tickets=False, **cache)
    mallory = stage.ca.issue_client("mallory")
    first = nginx.request(credential=mallory)
    stage.ca.revoke(mallory)
    nginx.update(crl=stage.ca.crl())
    assert nginx.request(credential=mallory).reason == "certificate_revoked"
    replay = nginx.request(session=first.session) if first.session else nginx.request()
    assert replay.accepted is replay.resumed
    return replay.accepted
