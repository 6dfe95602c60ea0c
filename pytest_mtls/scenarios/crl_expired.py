"""Every client is refused from the minute the CRL's nextUpdate is over.

Symptom: 400 for everybody, out of nowhere; the log has `(12:CRL has expired)`. Revoked clients are still told so (23).
Cause: OpenSSL takes a CRL that is out of date for no answer, and nginx has no switch for that.
Safe: A new CRL, and a reload, well before nextUpdate.
Versions: All alike.
Source: Tongsuo issue 613; icinga2 issue 8501
"""

from datetime import datetime, timedelta, timezone

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    issuing = stage.ca.intermediate("Issuing CA")
    good, revoked = issuing.issue_client("good"), issuing.issue_client("revoked")
    issuing.revoke(revoked)
    expired = issuing.crl(next_update=datetime.now(timezone.utc) - timedelta(minutes=1))
    nginx = stage.nginx(crl=stage.ca.crl() + expired)
    assert nginx.request(credential=revoked).reason == "certificate_revoked"
    return nginx.request(credential=good).reason == "crl_expired"


def safe(stage: Stage) -> None:
    good = stage.ca.issue_client("good")
    nginx = stage.nginx(crl=stage.ca.crl(next_update=datetime.now(timezone.utc) + timedelta(minutes=1)))
    assert nginx.request(credential=good).accepted
    nginx.update(crl=stage.ca.crl())
    assert nginx.request(credential=good).accepted
