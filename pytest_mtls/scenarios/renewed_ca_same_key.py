"""The CA's certificate in nginx's file has expired, and its renewal was never put there.

Symptom: 400 for all clients, whose own certificates are good; the log has `(10:certificate has expired)`.
Cause: The expired one is the CA's. It was renewed with its key, but nginx reads the file alone.
Safe: The renewed certificate in the file; the expired one may stay, whichever comes first.
Versions: All alike.
Source: OpenSSL verification documentation; the end of DST Root CA X3
"""

from datetime import datetime, timedelta, timezone

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    expired, renewed = _authorities(stage)
    return stage.nginx(client_ca=expired).request(credential=renewed.issue_client("alice")).verify_code == 10


def safe(stage: Stage) -> None:
    expired, renewed = _authorities(stage)
    for both in ([expired, renewed], [renewed, expired]):
        assert stage.nginx(client_ca=both).request(credential=renewed.issue_client("alice")).accepted


def _authorities(stage: Stage) -> tuple[CertificateAuthority, CertificateAuthority]:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    name, key = stage.ca.certificate.subject, stage.ca.private_key
    return CertificateAuthority(name, private_key=key, not_after=yesterday), stage.ca
