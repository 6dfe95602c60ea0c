"""Clients below a second intermediate are refused, though the whole chain is right.

Symptom: 400 for all clients of a new issuing CA; the log has `(20:unable to get local issuer certificate)`, and
    everybody looks for a missing certificate.
Cause: `ssl_verify_depth` is 1 by default: one intermediate between client and root.
Safe: `ssl_verify_depth` as large as the number of intermediates.
Versions: With OpenSSL 1.1.1 the log says so, `(22:certificate chain too long)`; newer ones say 20.
Source: ingress-nginx issues 110 and 10666; nginx issue 1409
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx()
    assert nginx.request(credential=stage.credentials["via-intermediate"]).accepted
    code = 20 if stage.build.openssl_at_least(3, 0) else 22
    deep = ("via-two-intermediates", "chain-too-deep")
    return all(nginx.request(credential=stage.credentials[state]).verify_code == code for state in deep)


def safe(stage: Stage) -> None:
    nginx = stage.nginx(depth=2)
    assert nginx.request(credential=stage.credentials["via-two-intermediates"]).accepted
    assert not nginx.request(credential=stage.credentials["chain-too-deep"]).accepted
