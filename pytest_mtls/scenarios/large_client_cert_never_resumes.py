"""Clients with a large certificate shake hands in full every time.

Symptom: Some clients are slow and cost the server more than others: those whose certificate has many names.
Cause: A session holds the client's certificate, and what was larger than 4 KB did not fit into the shared cache.
Safe: A small certificate, or session tickets, which the client keeps.
Versions: Before 1.27.5, which raised the limit to 8 KB.
Source: CHANGES 1.27.5
"""

from pytest_mtls.stage import Stage, before

SHOWS = before("1.27.5")


def problem(stage: Stage) -> bool:
    large = stage.ca.issue_client("large", sans=[f"DNS:device-{number:030}.example" for number in range(130)])
    nginx = stage.nginx(session_cache="shared:S:1m", session_tickets=False, tls="1.2")
    first = nginx.request(credential=large)
    assert first.accepted
    return not nginx.request(credential=large, session=first.session).resumed


def safe(stage: Stage) -> None:
    small = stage.ca.issue_client("small")
    nginx = stage.nginx(session_cache="shared:S:1m", session_tickets=False, tls="1.2")
    assert nginx.request(credential=small, session=nginx.request(credential=small).session).resumed
