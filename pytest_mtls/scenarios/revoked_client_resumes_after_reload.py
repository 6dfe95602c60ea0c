"""A revoked client comes back with an old session after the CRL was replaced and nginx reloaded.

Symptom: A new connection of the revoked client is refused; with the session it had before, and no certificate, it gets
    200 until ssl_session_timeout (5 minutes) is over.
Cause: nginx does not verify a client again when it resumes a session. The keys of session tickets are kept in the
    shared session cache, and outlive a reload.
Safe: No shared cache: the default, `builtin`, or `off` together with `ssl_session_tickets off`.
Versions: Since 1.23.2; before, each reload made new ticket keys.
Source: CHANGES 1.23.2; Cloudflare blog, "mTLS client certificate revocation vulnerability with TLS Session Resumption"
"""

from typing import Any

from pytest_mtls.stage import Stage, since

SHOWS = since("1.23.2")


def problem(stage: Stage) -> bool:
    answers = {_comes_back(stage, tls, session_cache="shared:S:1m") for tls in ("1.2", "1.3")}
    assert len(answers) == 1
    return answers.pop()


def safe(stage: Stage) -> None:
    for tls in ("1.2", "1.3"):
        for cache in ({}, {"session_cache": "builtin"}, {"session_cache": "off", "session_tickets": False}):
            assert not _comes_back(stage, tls, **cache)


def _comes_back(stage: Stage, tls: str, **cache: Any) -> bool:
    nginx = stage.nginx(crl=stage.ca.crl(), tls=tls, **cache)
    mallory = stage.ca.issue_client("mallory")
    first = nginx.request(credential=mallory)
    stage.ca.revoke(mallory)
    nginx.update(crl=stage.ca.crl())
    assert nginx.request(credential=mallory).reason == "certificate_revoked"
    replay = nginx.request(session=first.session) if first.session else nginx.request()
    assert replay.accepted is replay.resumed
    return replay.accepted
