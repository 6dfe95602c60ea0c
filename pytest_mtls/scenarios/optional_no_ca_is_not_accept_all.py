"""With `optional_no_ca`, an expired certificate is refused, though a stranger's is not.

Symptom: The application was to judge certificates itself; some never reach it, and get 400.
Cause: `optional_no_ca` forgives five errors, all about who issued the certificate. Expired, not yet valid, revoked, or
    made for servers is none of them, whoever issued it.
Safe: Renew certificates in time; what nginx refuses in this mode is refused in every other one too.
Versions: All alike; before OpenSSL 1.1.1i an unknown and expired one passed.
Source: nginx, ngx_ssl_verify_error_optional; openssl issue 14036
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional_no_ca")
    assert nginx.request(credential=stage.stranger).accepted
    bad = ("expired", "not-yet-valid", "server-auth-only", "expired-unknown-ca")
    return all(nginx.request(credential=stage.credentials[state]).internal_status == 495 for state in bad)


def safe(stage: Stage) -> None:
    nginx = stage.nginx(verify="optional_no_ca")
    assert nginx.request(credential=stage.credentials["valid"]).verify == "SUCCESS"
