"""nginx does not start with a CA in the form `BEGIN TRUSTED CERTIFICATE`.

Symptom: nginx says `no start line`; the file was written by `openssl x509 -trustout`, or is a system's bundle with
    trust.
Cause: That form says what a CA is trusted for, and nginx before 1.27.2 read plain certificates alone.
Safe: `BEGIN CERTIFICATE`.
Versions: Before 1.27.2; since then nginx reads it, and OpenSSL obeys what it says.
Source: CHANGES 1.27.2
"""

from pytest_mtls import Verbatim
from pytest_mtls.stage import Stage, before

SHOWS = before("1.27.2")


def problem(stage: Stage) -> bool:
    trusted = Verbatim(stage.ca.certificate_pem.replace(b" CERTIFICATE", b" TRUSTED CERTIFICATE"))
    refusal = stage.refusal(client_ca=trusted)
    if refusal is None:
        assert stage.nginx(client_ca=trusted).request(credential=stage.ca.issue_client("alice")).accepted
    return refusal is not None


def safe(stage: Stage) -> None:
    assert stage.nginx(client_ca=stage.ca).request(credential=stage.ca.issue_client("alice")).accepted
