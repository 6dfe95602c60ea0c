"""After a renewal a client's certificate is for servers only, and it is refused.

Symptom: A renewal turns 200 into 400; the log has `(26:unsuitable certificate purpose)`.
Cause: Public CAs stopped issuing certificates with clientAuth in 2025 and 2026; with serverAuth alone a certificate is
    no client's. anyExtendedKeyUsage does not help.
Safe: Client certificates of a private CA, with clientAuth.
Versions: All alike; with OpenSSL 1.1.1 the text is "unsupported certificate purpose".
Source: Let's Encrypt, "Ending TLS Client Authentication Certificate Support in 2026"; caddy issue 7320
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx()
    assert nginx.request(credential=stage.credentials["any-eku-only"]).verify_code == 26
    return nginx.request(credential=stage.credentials["server-auth-only"]).verify_code == 26


def safe(stage: Stage) -> None:
    nginx = stage.nginx()
    for state in ("valid", "both-ekus", "no-eku"):
        assert nginx.request(credential=stage.credentials[state]).accepted
