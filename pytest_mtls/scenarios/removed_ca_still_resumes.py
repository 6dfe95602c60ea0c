"""A CA is no longer trusted, and its clients still come back with old sessions.

Symptom: A partner's CA was taken out of ssl_trusted_certificate and nginx reloaded; its clients with a session get 200.
Cause: nginx does not verify a client again when it resumes a session. Ticket keys are kept in the shared cache.
Safe: The CA in `ssl_client_certificate`: a session is bound to the names in that file, so that a change ends them all.
Versions: Since 1.23.2; before, each reload made new ticket keys.
Source: measured; Go CVE-2025-68121 is of the same kind
"""

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, since

SHOWS = since("1.23.2")


def problem(stage: Stage) -> bool:
    partner = CertificateAuthority("Partner CA")
    nginx = stage.nginx(trusted_ca=partner, session_cache="shared:S:1m")
    first = nginx.request(credential=partner.issue_client("bob"))
    assert first.accepted
    nginx.update(trusted_ca=None)
    assert not nginx.request(credential=partner.issue_client("bob")).accepted
    return nginx.request(session=first.session).accepted


def safe(stage: Stage) -> None:
    partner = CertificateAuthority("Partner CA")
    nginx = stage.nginx(client_ca=[stage.ca, partner], session_cache="shared:S:1m")
    first = nginx.request(credential=partner.issue_client("bob"))
    assert first.accepted
    nginx.update(client_ca=stage.ca)
    assert not nginx.request(session=first.session).accepted
