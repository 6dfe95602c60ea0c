"""A check for `$ssl_client_verify = NONE` keeps out those without a certificate, and lets in any stranger.

Symptom: With `optional_no_ca` and that check, a self-made certificate gets 200.
Cause: A certificate that did not pass is `FAILED:reason`, which is not NONE.
Safe: `!= SUCCESS`.
Versions: All alike.
Source: README of ssl-proxy before its pull request 13
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional_no_ca", directives=["if ($ssl_client_verify = NONE) { return 403; }"])
    assert nginx.request().status == 403
    return nginx.request(credential=stage.stranger).accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx(verify="optional_no_ca", directives=["if ($ssl_client_verify != SUCCESS) { return 403; }"])
    assert nginx.request(credential=stage.stranger).status == 403
