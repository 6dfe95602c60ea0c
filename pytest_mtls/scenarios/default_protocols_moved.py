"""A client that speaks TLS 1.3 alone is refused, where ssl_protocols is not set.

Symptom: The alert protocol_version for some clients; after an upgrade they get in, and sessions behave otherwise.
Cause: nginx's default had no TLS 1.3 until 1.23.4.
Safe: `ssl_protocols TLSv1.2 TLSv1.3`.
Versions: Before 1.23.4.
Source: CHANGES 1.23.4
"""

from pytest_mtls.stage import Stage, before

SHOWS = before("1.23.4")


def problem(stage: Stage) -> bool:
    outcome = stage.nginx(tls=None).request(credential=stage.ca.issue_client("alice"), tls="1.3")
    assert outcome.alert == (None if outcome.accepted else "protocol_version")
    return not outcome.accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx(tls=("1.2", "1.3"))
    for version in ("1.2", "1.3"):
        assert nginx.request(credential=stage.ca.issue_client("alice"), tls=version).tls_version == version
