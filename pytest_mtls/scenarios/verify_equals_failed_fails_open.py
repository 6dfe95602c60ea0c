"""A check for `$ssl_client_verify = FAILED` never matches, and lets everybody in.

Symptom: `if ($ssl_client_verify = FAILED) { return 403; }` stands in the configuration, and strangers get 200.
Cause: The value is `FAILED:reason` since 1.11.7. A client without a certificate is NONE, which is no FAILED either.
Safe: `!= SUCCESS`.
Versions: All since 1.11.7.
Source: CHANGES 1.11.7
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional_no_ca", directives=["if ($ssl_client_verify = FAILED) { return 403; }"])
    return nginx.request(credential=stage.stranger).accepted and nginx.request().accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx(verify="optional_no_ca", directives=["if ($ssl_client_verify != SUCCESS) { return 403; }"])
    assert nginx.request(credential=stage.stranger).status == 403
    assert nginx.request().status == 403
    assert nginx.request(credential=stage.ca.issue_client("alice")).accepted
