"""With `optional_no_ca`, a certificate for servers is let in as long as its CA is unknown.

Symptom: A certificate for servers alone gets 400; the same one of an unknown CA gets 200.
Cause: OpenSSL stops at the first thing that is missing, the issuer, and never comes to the extended key usage. That
    error is one that `optional_no_ca` forgives.
Safe: Refuse whatever is not SUCCESS.
Versions: All alike.
Source: OpenSSL, verify_chain(); measured
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional_no_ca")
    assert nginx.request(credential=stage.credentials["server-auth-only"]).reason == "unsuitable_certificate_purpose"
    hidden = nginx.request(credential=stage.credentials["server-auth-unknown-ca"])
    return hidden.accepted and hidden.reason == "unable_to_verify_first_certificate"


def safe(stage: Stage) -> None:
    nginx = stage.nginx(verify="optional_no_ca", directives=["if ($ssl_client_verify != SUCCESS) { return 403; }"])
    assert nginx.request(credential=stage.credentials["server-auth-unknown-ca"]).status == 403
