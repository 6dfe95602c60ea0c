"""A check of the error's text fails after an upgrade of OpenSSL.

Symptom: `FAILED:self signed certificate` was looked for in `$ssl_client_verify` or the log, and is no longer found.
Cause: OpenSSL's texts change: "self-signed" and "unsuitable certificate purpose" since 3.0, "or the system clock is
    incorrect" since 3.6. Its numbers stay.
Safe: The number, which nginx logs before the text.
Versions: "self signed" with OpenSSL 1.1.1, "self-signed" with newer ones.
Source: openssl, crypto/x509/x509_txt.c; measured
"""

from pytest_mtls.stage import Stage, openssl_since

SHOWS = openssl_since("3.0")


def problem(stage: Stage) -> bool:
    outcome = stage.nginx(verify="optional_no_ca").request(credential=stage.credentials["self-signed"])
    return outcome.verify != "FAILED:self signed certificate"


def safe(stage: Stage) -> None:
    nginx = stage.nginx()
    numbers = {"self-signed": 18, "server-auth-only": 26, "not-yet-valid": 9}
    for state, number in numbers.items():
        outcome = nginx.request(credential=stage.credentials[state])
        assert outcome.verify_code == number
        assert any(f"({number}:" in line for line in outcome.log)
