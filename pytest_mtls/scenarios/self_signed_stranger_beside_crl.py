"""With ssl_crl and optional_no_ca, an upgrade of OpenSSL lets self-signed strangers in.

Symptom: A self-signed certificate got 400 for want of a CRL; on a newer system it gets 200 and FAILED.
Cause: OpenSSL 3.6 no longer asks for a CRL of a self-signed certificate, so that only error 18 is left, which
    `optional_no_ca` forgives.
Safe: A check of `$ssl_client_verify` for SUCCESS behind `optional_no_ca`; or `optional`.
Versions: With OpenSSL 3.6; all older ones answer 400.
Source: measured
"""

from pytest_mtls.stage import Stage, openssl_since

SHOWS = openssl_since("3.6")


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional_no_ca", crl=stage.ca.crl())
    outcome = nginx.request(credential=stage.credentials["self-signed"])
    assert outcome.reason == ("self_signed_certificate" if outcome.accepted else "unable_to_get_crl")
    return outcome.accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx(verify="optional", crl=stage.ca.crl())
    assert not nginx.request(credential=stage.credentials["self-signed"]).accepted
    assert nginx.request(credential=stage.ca.issue_client("alice")).accepted
