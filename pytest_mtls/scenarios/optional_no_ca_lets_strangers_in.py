"""With `optional_no_ca`, a stranger is let in under any name it likes.

Symptom: The application takes the name in X-SSL-Client-S-DN for proof; a certificate that anybody can make says
    CN=admin.
Cause: `optional_no_ca` forgives an unknown CA, a self-signed certificate and a missing intermediate. The certificate is
    forwarded as it is, with `$ssl_client_verify` FAILED.
Safe: `on` or `optional`; or refuse whatever is not SUCCESS.
Versions: All alike.
Source: nginx documentation, ssl_verify_client; ssl-proxy pull request 13
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional_no_ca")
    outcome = nginx.request(credential=stage.stranger)
    others = [stage.credentials[state] for state in ("self-signed", "intermediate-not-sent")]
    if outcome.forwarded is None or not all(nginx.request(credential=each).accepted for each in others):
        return False
    assert outcome.forwarded["X-SSL-Client-Verify"].startswith("FAILED:")
    return outcome.forwarded["X-SSL-Client-S-DN"] == "CN=admin"


def safe(stage: Stage) -> None:
    checked = stage.nginx(verify="optional_no_ca", directives=["if ($ssl_client_verify != SUCCESS) { return 403; }"])
    assert checked.request(credential=stage.stranger).status == 403
    assert checked.request(credential=stage.ca.issue_client("alice")).accepted
    assert stage.nginx(verify="optional").request(credential=stage.stranger).internal_status == 495
