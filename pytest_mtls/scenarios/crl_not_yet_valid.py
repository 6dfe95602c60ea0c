"""A CRL that was just made locks everybody out, where nginx's clock is behind the CA's.

Symptom: 400 for everybody right after a new CRL was rolled out; the log has `(11:CRL is not yet valid)`. It passes by
    itself.
Cause: The CRL's thisUpdate is in the future for nginx.
Safe: A thisUpdate some minutes in the past, as CAs that know clocks make it.
Versions: All alike.
Source: RFC 5280 section 5.1.2.4; measured
"""

from datetime import datetime, timedelta, timezone

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(crl=stage.ca.crl(last_update=datetime.now(timezone.utc) + timedelta(minutes=5)))
    return nginx.request(credential=stage.ca.issue_client("alice")).reason == "crl_not_yet_valid"


def safe(stage: Stage) -> None:
    nginx = stage.nginx(crl=stage.ca.crl(last_update=datetime.now(timezone.utc) - timedelta(minutes=5)))
    assert nginx.request(credential=stage.ca.issue_client("alice")).accepted
