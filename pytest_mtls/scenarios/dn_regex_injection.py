"""A client whose name contains `CN=admin` is taken for the administrator.

Symptom: A `map` of `$ssl_client_s_dn` with the pattern `CN=admin` matches a client called `alice,CN=admin`.
Cause: A comma within a name is escaped with a backslash, which the pattern does not know; nor is it anchored.
Safe: The whole name compared as it is; or the fingerprint.
Versions: All alike.
Source: RFC 4514 section 2.4; ingress-nginx issue 8330
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    alice = stage.ca.issue_client("alice,CN=admin")
    guard = "if ($ssl_client_s_dn !~ CN=admin) { return 403; }"
    outcome = stage.nginx(directives=[guard]).request(credential=alice)
    assert outcome.variables["ssl_client_s_dn"] == r"CN=alice\,CN=admin"
    return outcome.accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx(directives=["if ($ssl_client_s_dn != 'CN=admin') { return 403; }"])
    assert nginx.request(credential=stage.ca.issue_client("alice,CN=admin")).status == 403
    assert nginx.request(credential=stage.ca.issue_client("admin")).accepted
