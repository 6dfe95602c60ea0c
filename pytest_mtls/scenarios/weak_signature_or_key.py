"""Old clients are refused after an upgrade, for a SHA-1 signature or a key of 1024 bits.

Symptom: 400; the log has `(68:CA signature digest algorithm too weak)` or `(66:EE certificate key too weak)`.
Cause: OpenSSL's security level. Debian's is 2 by default, and so is OpenSSL's own since 3.2; before it was 1, which
    takes keys of 1024 bits.
Safe: New certificates. To let old ones in meanwhile: `ssl_ciphers DEFAULT:@SECLEVEL=0`.
Versions: All alike at one level, which the steps set; what it is by default is up to the OpenSSL and who built it.
Source: ingress-nginx issue 3869; openssl issues 20532 and 23126
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(directives=["ssl_ciphers DEFAULT:@SECLEVEL=2;"])
    weak = {"sha1-signature": 68, "weak-key": 66}
    return all(nginx.request(credential=stage.credentials[state]).verify_code == code for state, code in weak.items())


def safe(stage: Stage) -> None:
    tolerant = stage.nginx(directives=["ssl_ciphers DEFAULT:@SECLEVEL=0;"])
    for state in ("sha1-signature", "weak-key"):
        for tls in ("1.2", "1.3"):
            assert tolerant.request(credential=stage.credentials[state], tls=tls).accepted
    assert stage.nginx().request(credential=stage.credentials["valid-rsa"]).accepted
