"""A revoked client leaves out its intermediate, and is let in as a stranger.

Symptom: With `optional_no_ca` a revoked client gets 400; it sends its certificate without the intermediate, and gets
    200.
Cause: Without its issuer the certificate cannot be verified at all (21), an error that `optional_no_ca` forgives before
    revocation is ever looked at.
Safe: A check of `$ssl_client_verify` for SUCCESS behind `optional_no_ca`; or `optional`.
Versions: All alike.
Source: nginx, ngx_ssl_verify_error_optional; measured
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    issuing = stage.ca.intermediate("Issuing CA")
    mallory = issuing.issue_client("mallory")
    issuing.revoke(mallory)
    nginx = stage.nginx(verify="optional_no_ca", crl=issuing.crl_bundle())
    assert nginx.request(credential=mallory).reason == "certificate_revoked"
    hidden = nginx.request(credential=mallory.without_chain())
    return hidden.accepted and hidden.reason == "unable_to_verify_first_certificate"


def safe(stage: Stage) -> None:
    issuing = stage.ca.intermediate("Issuing CA")
    mallory = issuing.issue_client("mallory")
    issuing.revoke(mallory)
    check = "if ($ssl_client_verify != SUCCESS) { return 403; }"
    checked = stage.nginx(verify="optional_no_ca", crl=issuing.crl_bundle(), directives=[check])
    assert checked.request(credential=mallory.without_chain()).status == 403
    assert not stage.nginx(verify="optional").request(credential=mallory.without_chain()).accepted
