"""nginx does not start with ssl_trusted_certificate alone.

Symptom: nginx says `no ssl_client_certificate for ssl_verify_client`: the CA was moved to ssl_trusted_certificate, so
    that its name is not sent.
Cause: Before 1.27.2 nginx asked for the one file, even if the other had the CA.
Safe: `ssl_client_certificate`.
Versions: Before 1.27.2; since then nginx starts, verifies, and names no CA to clients.
Source: CHANGES 1.27.2; nginx commit 18afcda93
"""

from pytest_mtls.stage import Stage, before

SHOWS = before("1.27.2")


def problem(stage: Stage) -> bool:
    if stage.refusal(client_ca=None, trusted_ca=stage.ca) is not None:
        return True
    outcome = stage.nginx(client_ca=None, trusted_ca=stage.ca).request(credential=stage.ca.issue_client("alice"))
    assert outcome.verify == "SUCCESS"
    assert not outcome.accepted_cas
    return False


def safe(stage: Stage) -> None:
    outcome = stage.nginx(client_ca=stage.ca).request(credential=stage.ca.issue_client("alice"))
    assert outcome.verify == "SUCCESS"
    assert outcome.accepted_cas == (stage.ca.subject_dn,)
