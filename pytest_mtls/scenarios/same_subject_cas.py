"""A CA got a new key under its old name, and the clients of one of the two are refused.

Symptom: Both CA certificates are in the file for the overlap; clients of the second get 400, and the log has
    `(7:certificate signature failure)`.
Cause: Without key identifiers OpenSSL knows a CA by its name alone, and takes the first.
Safe: subjectKeyIdentifier and authorityKeyIdentifier in what both issue.
Versions: All alike.
Source: openssl issues 13718 and 16304; ingress-nginx issue 4234; haproxy issue 968
"""

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    return _reasons(stage, key_identifiers=False) == [None, "certificate_signature_failure"]


def safe(stage: Stage) -> None:
    assert _reasons(stage, key_identifiers=True) == [None, None]


def _reasons(stage: Stage, *, key_identifiers: bool) -> list[str | None]:
    old, new = (CertificateAuthority("Same name", key_identifiers=key_identifiers) for _ in range(2))
    clients = [ca.issue_client("alice", key_identifiers=key_identifiers) for ca in (old, new)]
    before, overlap = stage.nginx(client_ca=old), stage.nginx(client_ca=[old, new])
    assert not before.request(credential=clients[1]).accepted
    return [overlap.request(credential=each).reason for each in clients]
