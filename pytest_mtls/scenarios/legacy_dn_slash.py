"""In the legacy form of a subject, a slash within a name looks like the next part.

Symptom: A client called `alice/CN=admin` cannot be told from one with two names in `$ssl_client_s_dn_legacy`.
Cause: X509_NAME_oneline() did not escape a slash.
Safe: `$ssl_client_s_dn`, which is RFC 2253 and escapes what it must.
Versions: With OpenSSL 1.1.1; newer ones put a backslash before it.
Source: measured
"""

from pytest_mtls.stage import Stage, openssl_before

SHOWS = openssl_before("3.0")


def problem(stage: Stage) -> bool:
    seen = stage.nginx().request(credential=stage.ca.issue_client("alice/CN=admin")).variables
    if stage.build.openssl_at_least(3, 0):
        assert seen["ssl_client_s_dn_legacy"] == r"/CN=alice\/CN=admin"
    return seen["ssl_client_s_dn_legacy"] == "/CN=alice/CN=admin"


def safe(stage: Stage) -> None:
    nginx = stage.nginx()
    one = nginx.request(credential=stage.ca.issue_client("alice/CN=admin")).variables["ssl_client_s_dn"]
    two = nginx.request(credential=stage.ca.issue_client(subject="CN=admin,CN=alice")).variables["ssl_client_s_dn"]
    assert one != two
