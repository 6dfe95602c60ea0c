"""nginx speaks to the server behind with the identity of another service.

Symptom: Two servers share an `upstream` with keepalive, each with a proxy_ssl_certificate of its own; the server behind
    sees a request of the one under the name of the other.
Cause: A kept connection is anybody's who uses that upstream. Whose certificate opened it is not asked.
Safe: An `upstream` for each identity, or no keepalive.
Versions: All alike.
Source: apisix issue 7053
"""

from pytest_mtls import TlsUpstream, VirtualServer
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    return _identities(stage, keepalive=4) == ["CN=service-a", "CN=service-a"]


def safe(stage: Stage) -> None:
    assert _identities(stage, keepalive=0) == ["CN=service-a", "CN=service-b"]


def _identities(stage: Stage, *, keepalive: int) -> list[str]:
    behind = stage.nginx()
    servers = []
    for name in ("a", "b"):
        service = stage.ca.issue_client(f"service-{name}")
        upstream = TlsUpstream(behind, credential=service, keepalive=keepalive, session_reuse=False)
        servers.append(VirtualServer(f"{name}.test", upstream=upstream))
    nginx = stage.nginx(verify="off", virtual_servers=servers)
    seen = [nginx.request(server_name=name).forwarded for name in ("a.test", "b.test")]
    return [each["X-SSL-Client-S-DN"] for each in seen if each is not None]
