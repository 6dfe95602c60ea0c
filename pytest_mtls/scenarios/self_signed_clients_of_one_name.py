"""Of two pinned self-signed clients with the same subject only one is let in.

Symptom: Pinning self-signed client certificates works, until a device renews its own under the same name: the new one
    is in the file, and gets 400.
Cause: OpenSSL looks an issuer up by name. Without key identifiers it finds the first of that name, which is the other.
Safe: Clients of a CA.
Versions: All alike.
Source: nginx trac 1871; openssl issue 22591
"""

from pytest_mtls import CertificateAuthority, Credential
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    old, new = _self_signed(), _self_signed()
    assert stage.nginx(client_ca=new.certificate_pem).request(credential=new).accepted
    nginx = stage.nginx(client_ca=old.certificate_pem + new.certificate_pem)
    return nginx.request(credential=old).accepted and not nginx.request(credential=new).accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx()
    for _ in range(2):
        assert nginx.request(credential=stage.ca.issue_client("device")).accepted


def _self_signed() -> Credential:
    own = CertificateAuthority("device", is_ca=False, key_usage=None, key_identifiers=False)
    return Credential(own.certificate, own.private_key)
