"""A CRL in the CA's name but of another key locks everybody out.

Symptom: After the CA was renewed with a new key under its old name, 400 for everybody; the log has `(3:unable to get
    certificate CRL)` though the CRL is in the file.
Cause: The CRL's authorityKeyIdentifier names the other key, so OpenSSL does not take it for this CA's.
Safe: The CRL of the CA that issued the clients.
Versions: All alike.
Source: OpenSSL verification documentation; measured
"""

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    renewed = CertificateAuthority(stage.ca.certificate.subject)
    nginx = stage.nginx(crl=renewed.crl())
    return nginx.request(credential=stage.ca.issue_client("alice")).reason == "unable_to_get_crl"


def safe(stage: Stage) -> None:
    renewed = CertificateAuthority(stage.ca.certificate.subject)
    nginx = stage.nginx(client_ca=[stage.ca, renewed], crl=renewed.crl() + stage.ca.crl())
    assert nginx.request(credential=stage.ca.issue_client("alice")).accepted
    assert nginx.request(credential=renewed.issue_client("bob")).accepted
