"""Everybody is refused once ssl_crl is set, since one CA of the chain has no CRL there.

Symptom: 400 for good and revoked clients alike; the log has `(3:unable to get certificate CRL)`.
Cause: nginx checks every certificate of the chain (X509_V_FLAG_CRL_CHECK_ALL), so each CA's CRL must be in the file,
    the root's too.
Safe: The CRLs of all CAs of the chain in one file, in any order.
Versions: All alike.
Source: nginx trac 344; vault issue 16311; Tongsuo issue 613
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    issuing = stage.ca.intermediate("Issuing CA")
    good, revoked = issuing.issue_client("good"), issuing.issue_client("revoked")
    issuing.revoke(revoked)
    servers = [stage.nginx(crl=issuing.crl()), stage.nginx(crl=stage.ca.crl())]
    reasons = {nginx.request(credential=each).reason for nginx in servers for each in (good, revoked)}
    return reasons == {"unable_to_get_crl"}


def safe(stage: Stage) -> None:
    issuing = stage.ca.intermediate("Issuing CA")
    good, revoked = issuing.issue_client("good"), issuing.issue_client("revoked")
    issuing.revoke(revoked)
    for crls in (issuing.crl() + stage.ca.crl(), stage.ca.crl() + issuing.crl()):
        nginx = stage.nginx(crl=crls)
        assert nginx.request(credential=good).accepted
        assert nginx.request(credential=revoked).reason == "certificate_revoked"
