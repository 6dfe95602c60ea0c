"""A TLS 1.3 session of one virtual host opens another one that trusts another CA (CVE-2025-23419).

Symptom: A client of a.test gets 200 at b.test without any certificate there, with the session it has from a.test.
Cause: A TLS 1.3 session was accepted in the default server's context, before the server name chose the virtual host.
Safe: One virtual host to a listener: the session is then of no use anywhere else.
Versions: Fixed in 1.27.4 and 1.26.3, and by Debian in 1.22.1-9+deb12u1 and 1.18.0-6.1+deb11u4: a version alone does not
    tell. Debian 11 without its security archive (1.18.0-6.1+deb11u3) shows it. Until 1.29.2 the fix ends the handshake
    with the alert access_denied; since then it is a full one, and a 400.
Source: CVE-2025-23419; CHANGES 1.27.4 and 1.29.2; Cloudflare blog, 2025-02-07
"""

from pytest_mtls import CertificateAuthority, VirtualServer
from pytest_mtls.stage import Stage, before, unless_patched

SHOWS = unless_patched(before("1.27.4"))


def problem(stage: Stage) -> bool:
    a, b = CertificateAuthority("CA of a"), CertificateAuthority("CA of b")
    nginx = stage.nginx(virtual_servers=[VirtualServer("a.test", client_ca=a), VirtualServer("b.test", client_ca=b)])
    alice = a.issue_client("alice")
    assert nginx.request(credential=alice, server_name="b.test").reason == "unable_to_verify_first_certificate"
    first = nginx.request(credential=alice, server_name="a.test", tls="1.3")
    assert first.accepted
    replay = nginx.request(session=first.session, server_name="b.test", tls="1.3")
    if not replay.accepted and stage.build.at_least(1, 29, 2):
        assert (replay.internal_status, replay.resumed) == (496, False)
    elif not replay.accepted:
        assert replay.alert == "access_denied"
    return replay.accepted


def safe(stage: Stage) -> None:
    a, b = CertificateAuthority("CA of a"), CertificateAuthority("CA of b")
    at_a, at_b = stage.nginx(server_names="a.test", client_ca=a), stage.nginx(server_names="b.test", client_ca=b)
    first = at_a.request(credential=a.issue_client("alice"), tls="1.3")
    replay = at_b.request(session=first.session, tls="1.3")
    assert first.accepted
    assert replay.internal_status == 496
