"""nginx does not start with ssl_verify_client in a location.

Symptom: nginx says `"ssl_verify_client" directive is not allowed here`; only one path was to ask for a certificate.
Cause: Whether a certificate is asked for is settled in the handshake, before there is a path.
Safe: `optional` for the server, and a check of `$ssl_client_verify` in the location.
Versions: All alike.
Source: nginx documentation, ssl_verify_client; ingress-nginx issue 7133
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    refusal = stage.refusal(verify="off", directives=["location /admin { ssl_verify_client on; }"])
    return refusal is not None and '"ssl_verify_client" directive is not allowed here' in refusal.reason


def safe(stage: Stage) -> None:
    check = "if ($ssl_client_verify != SUCCESS) { return 403; }"
    nginx = stage.nginx(verify="optional", directives=[f"location /admin {{ {check} return 204; }}"])
    assert nginx.request("/admin").status == 403
    assert nginx.request("/admin", credential=stage.ca.issue_client("alice")).status == 204
    assert nginx.request("/").accepted
