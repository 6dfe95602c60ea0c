"""A revoked client comes back with an old session even after nginx was stopped and started.

Symptom: Each nginx of a fleet was restarted with the new CRL, and the revoked client is let in by all of them.
Cause: `ssl_session_ticket_key` reads the key of session tickets from a file. A ticket is then good on every nginx that
    has the file, before and after a restart, and whom it belongs to is not verified again.
Safe: A new key in the file together with the new CRL.
Versions: All alike.
Source: nginx documentation, ssl_session_ticket_key; CVE-2025-23419
"""

import os

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    key = os.urandom(80)
    return _comes_back(stage, old_key=key, new_key=key)


def safe(stage: Stage) -> None:
    assert not _comes_back(stage, old_key=os.urandom(80), new_key=os.urandom(80))


def _comes_back(stage: Stage, *, old_key: bytes, new_key: bytes) -> bool:
    nginx = stage.nginx(crl=stage.ca.crl(), session_ticket_key=old_key)
    mallory = stage.ca.issue_client("mallory")
    first = nginx.request(credential=mallory)
    assert first.accepted
    stage.ca.revoke(mallory)
    nginx.update(crl=stage.ca.crl(), session_ticket_key=new_key)
    assert nginx.request(credential=mallory).reason == "certificate_revoked"
    reloaded = nginx.request(session=first.session)
    nginx.restart()
    restarted = nginx.request(session=first.session)
    assert reloaded.accepted is restarted.accepted
    return restarted.accepted
