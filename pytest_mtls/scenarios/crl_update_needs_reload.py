"""A new CRL is on disk, and nothing happens.

Symptom: The file lists a client, and it is let in until somebody reloads nginx for another reason.
Cause: nginx reads certificates and CRLs when it starts or reloads, and at no other time.
Safe: A reload (SIGHUP) after each change.
Versions: All alike.
Source: ingress-nginx issue 4904; nuts-node issue 1422
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    mallory = stage.ca.issue_client("mallory")
    nginx = stage.nginx(crl=stage.ca.crl())
    stage.ca.revoke(mallory)
    nginx.update(crl=stage.ca.crl(), reload=False)
    return nginx.request(credential=mallory).accepted


def safe(stage: Stage) -> None:
    mallory = stage.ca.issue_client("mallory")
    nginx = stage.nginx(crl=stage.ca.crl())
    stage.ca.revoke(mallory)
    nginx.update(crl=stage.ca.crl(), reload=False)
    nginx.reload()
    assert nginx.request(credential=mallory).reason == "certificate_revoked"
