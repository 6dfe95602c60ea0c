"""A client of the default server's CA gets into every other server when it sends no SNI.

Symptom: b.test trusts CA B alone; a client of CA A that sends no SNI, or an unknown one, gets 200 there as SUCCESS.
Cause: Without a known SNI the handshake is the default server's, and so is the CA. That Host may not differ from the
    SNI (421) is only checked where the SNI was that of a server.
Safe: A default server that verifies nobody and serves nothing; since 1.19.4 `ssl_reject_handshake on` there.
Versions: All alike.
Source: nginx.org pull request 302; ingress-nginx issue 7698; emissary issue 3340
"""

from pytest_mtls import CertificateAuthority, VirtualServer
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    b = CertificateAuthority("CA of b")
    nginx = stage.nginx(virtual_servers=[VirtualServer("a.test"), VirtualServer("b.test", client_ca=b)])
    alice = stage.ca.issue_client("alice")
    assert not nginx.request(credential=alice, server_name="b.test").accepted
    crossed = [nginx.request(credential=alice, server_name=name, host="b.test") for name in (None, "unknown.test")]
    return all(each.accepted and each.verify == "SUCCESS" for each in crossed)


def safe(stage: Stage) -> None:
    reject = ["ssl_reject_handshake on;"] if stage.build.at_least(1, 19, 4) else ["return 404;"]
    default = VirtualServer("_", verify="off", directives=reject)
    b = CertificateAuthority("CA of b")
    nginx = stage.nginx(virtual_servers=[default, VirtualServer("a.test"), VirtualServer("b.test", client_ca=b)])
    alice = stage.ca.issue_client("alice")
    assert nginx.request(credential=alice, server_name="a.test").accepted
    for name in (None, "unknown.test"):
        crossed = nginx.request(credential=alice, server_name=name, host="b.test")
        assert crossed.alert == "unrecognized_name" if len(reject[0]) > 20 else crossed.internal_status == 496
