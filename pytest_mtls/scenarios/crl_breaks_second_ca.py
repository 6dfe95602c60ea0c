"""The CRL of one CA locks out the clients of another.

Symptom: Two CAs are trusted and one of them publishes a CRL; with ssl_crl set, every client of the other gets 400.
Cause: ssl_crl is for the whole server: a CA without a CRL in the file is as good as one whose CRL was lost.
Safe: A CRL of each trusted CA, if only an empty one.
Versions: All alike.
Source: lua-nginx-module issue 2373; measured
"""

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    partner = CertificateAuthority("Partner CA")
    nginx = stage.nginx(client_ca=[stage.ca, partner], crl=stage.ca.crl())
    assert nginx.request(credential=stage.ca.issue_client("alice")).accepted
    return nginx.request(credential=partner.issue_client("bob")).reason == "unable_to_get_crl"


def safe(stage: Stage) -> None:
    partner = CertificateAuthority("Partner CA")
    nginx = stage.nginx(client_ca=[stage.ca, partner], crl=stage.ca.crl() + partner.crl())
    assert nginx.request(credential=stage.ca.issue_client("alice")).accepted
    assert nginx.request(credential=partner.issue_client("bob")).accepted
