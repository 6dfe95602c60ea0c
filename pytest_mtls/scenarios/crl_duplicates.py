"""A revocation is lost where an outdated CRL and an empty newer one of the same CA are in one file.

Symptom: CRLs are only ever appended to the file; a client that an older one lists is let in.
Cause: Of several CRLs of one issuer OpenSSL takes the best one that is in force, and looks at no other. A newer CRL
    that was made from an empty database therefore takes every revocation back.
Safe: One CRL to a CA, which lists all that is revoked.
Versions: All alike.
Source: OpenSSL, get_crl_score(); measured
"""

from datetime import datetime, timedelta, timezone

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    mallory = stage.ca.issue_client("mallory")
    stage.ca.revoke(mallory)
    outdated = stage.ca.crl(next_update=datetime.now(timezone.utc) - timedelta(hours=1))
    empty = stage.ca.crl(without=[mallory])
    answers = [stage.nginx(crl=crls).request(credential=mallory) for crls in (outdated + empty, empty + outdated)]
    return all(each.accepted for each in answers)


def safe(stage: Stage) -> None:
    mallory = stage.ca.issue_client("mallory")
    stage.ca.revoke(mallory)
    assert stage.nginx(crl=stage.ca.crl()).request(credential=mallory).reason == "certificate_revoked"
