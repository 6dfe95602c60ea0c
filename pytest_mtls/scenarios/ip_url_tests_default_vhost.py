"""A test that dials an IP address tests the default server, whichever it means.

Symptom: A client of b.test gets 400 at https://127.0.0.1 although Host is b.test; one of the default server gets in.
Cause: In a URL with an IP address clients send no SNI (RFC 6066 section 3), so CAs and mode of the handshake are those
    of the default server.
Safe: Dial the address and name the server: `curl --resolve`, `server_hostname=` in Python.
Versions: All alike.
Source: RFC 6066 section 3; badssl issue 146
"""

from pytest_mtls import CertificateAuthority, NginxServer, VirtualServer
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    partner = CertificateAuthority("Partner CA")
    nginx = _two_servers(stage, partner)
    alice = nginx.request(credential=stage.ca.issue_client("alice"), server_name="127.0.0.1", host="b.test")
    bob = nginx.request(credential=partner.issue_client("bob"), server_name="127.0.0.1", host="b.test")
    return alice.accepted and bob.internal_status == 495


def safe(stage: Stage) -> None:
    partner = CertificateAuthority("Partner CA")
    nginx = _two_servers(stage, partner)
    assert nginx.request(credential=partner.issue_client("bob"), server_name="b.test").accepted
    assert not nginx.request(credential=stage.ca.issue_client("alice"), server_name="b.test").accepted


def _two_servers(stage: Stage, partner: CertificateAuthority) -> NginxServer:
    return stage.nginx(virtual_servers=[VirtualServer("a.test"), VirtualServer("b.test", client_ca=partner)])
