"""A virtual host's own ssl_protocols have no effect.

Symptom: A virtual host is to speak TLS 1.3 alone, and a scanner finds TLS 1.2 there.
Cause: OpenSSL settled the version with the default server's settings, before the server name was looked at.
Safe: The same `ssl_protocols` for all servers of a listener, set at the default one.
Versions: Before 1.29.2; since then nginx chooses the server from the ClientHello.
Source: CHANGES 1.29.2
"""

from pytest_mtls import VirtualServer
from pytest_mtls.stage import Stage, before

SHOWS = before("1.29.2")


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(virtual_servers=[VirtualServer("a.test", tls="1.2"), VirtualServer("b.test", tls="1.3")])
    return nginx.request(credential=stage.ca.issue_client("alice"), server_name="b.test").tls_version == "1.2"


def safe(stage: Stage) -> None:
    nginx = stage.nginx(tls="1.3", virtual_servers=[VirtualServer("a.test"), VirtualServer("b.test")])
    alice = stage.ca.issue_client("alice")
    assert nginx.request(credential=alice, server_name="b.test").tls_version == "1.3"
    assert nginx.request(credential=alice, server_name="b.test", tls="1.2").alert == "protocol_version"
