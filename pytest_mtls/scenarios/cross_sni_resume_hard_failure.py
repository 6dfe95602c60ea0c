"""A client that resumes a session under another server name loses the handshake.

Symptom: Clients that keep one session for several names of a host fail now and then, with the alert access_denied.
Cause: The fix of CVE-2025-23419 refused such a session outright, in place of shaking hands in full.
Safe: A client that keeps sessions by server name, as it should: nothing is refused.
Versions: 1.27.4 to 1.29.1, 1.26.3, and what distributions patched; since 1.29.2 nginx chooses the server earlier.
Source: CHANGES 1.29.2; nginx pull request 562
"""

from pytest_mtls import CertificateAuthority, VirtualServer
from pytest_mtls.stage import Stage, before, unless_patched

SHOWS = unless_patched(before("1.29.2"))


def problem(stage: Stage) -> bool:
    other = CertificateAuthority("Other CA")
    nginx = stage.nginx(virtual_servers=[VirtualServer("a.test"), VirtualServer("b.test", client_ca=other)])
    first = nginx.request(credential=stage.ca.issue_client("alice"), server_name="a.test", tls="1.3")
    assert first.accepted
    second = nginx.request(
        credential=other.issue_client("alice"), session=first.session, server_name="b.test", tls="1.3"
    )
    if not second.accepted:
        assert second.alert == "access_denied"
    return not second.accepted


def safe(stage: Stage) -> None:
    other = CertificateAuthority("Other CA")
    nginx = stage.nginx(virtual_servers=[VirtualServer("a.test"), VirtualServer("b.test", client_ca=other)])
    for name, ca in (("a.test", stage.ca), ("b.test", other)):
        alice = ca.issue_client("alice")
        first = nginx.request(credential=alice, server_name=name, tls="1.3")
        again = nginx.request(credential=alice, session=first.session, server_name=name, tls="1.3")
        assert (again.accepted, again.resumed) == (True, True)
