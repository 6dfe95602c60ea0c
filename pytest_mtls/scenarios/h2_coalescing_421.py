"""A browser gets 421 at the protected host, on a connection it had to a public one.

Symptom: Over HTTP/2, and with a wildcard certificate, users of a protected host see 421; a reload of the page helps.
Cause: Browsers use one connection for all names that its certificate covers. Its handshake was the public host's, so
    nginx refuses to serve a host that checks clients on it.
Safe: A connection for the protected host alone: a certificate or an address of its own.
Versions: All alike.
Source: RFC 9113 section 9.1.1; keycloak issue 50602; nginx-proxy-manager issue 5209
"""

from pytest_mtls import VirtualServer
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    servers = [VirtualServer("public.test", verify="off"), VirtualServer("protected.test")]
    nginx = stage.nginx(http2=True, virtual_servers=servers)
    with nginx.connect(credential=stage.ca.issue_client("alice"), server_name="public.test") as connection:
        assert connection.request("/", host="public.test").accepted
        return connection.request("/", host="protected.test").status == 421


def safe(stage: Stage) -> None:
    servers = [VirtualServer("public.test", verify="off"), VirtualServer("protected.test")]
    nginx = stage.nginx(http2=True, virtual_servers=servers)
    assert nginx.request(credential=stage.ca.issue_client("alice"), server_name="protected.test").accepted
    assert nginx.request(server_name="protected.test").internal_status == 496
