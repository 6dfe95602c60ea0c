"""A pattern for a name in `$ssl_client_s_dn` no longer matches.

Symptom: `/CN=alice` was looked for in the subject, and nobody is known any more.
Cause: `$ssl_client_s_dn` is RFC 2253 since 1.11.6: commas, the most specific part first. The old form goes on as
    `$ssl_client_s_dn_legacy`.
Safe: The whole name, in one of the two forms, compared as a whole.
Versions: All since 1.11.6.
Source: CHANGES 1.11.6; symfony issue 31406
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    alice = stage.ca.issue_client(subject="CN=alice,O=Example")
    seen = stage.nginx().request(credential=alice).variables
    assert seen["ssl_client_s_dn_legacy"] == "/O=Example/CN=alice"
    return "/CN=alice" not in seen["ssl_client_s_dn"]


def safe(stage: Stage) -> None:
    alice = stage.ca.issue_client(subject="CN=alice,O=Example")
    assert stage.nginx().request(credential=alice).variables["ssl_client_s_dn"] == "CN=alice,O=Example"
