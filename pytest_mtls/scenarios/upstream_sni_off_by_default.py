"""The server behind says that no certificate was sent, though nginx has one.

Symptom: 400 `No required SSL certificate was sent` from the virtual host behind; proxy_ssl_certificate is set.
Cause: nginx sends no SNI to an upstream by default. The default server behind, which asks for no certificate, shakes
    hands, and the virtual host of the Host header finds none.
Safe: `proxy_ssl_server_name on`, and `proxy_ssl_name`.
Versions: All alike.
Source: nginx documentation, proxy_ssl_server_name; apisix issue 2988; nginx-proxy-manager issue 4457
"""

from pytest_mtls import Outcome, TlsUpstream, VirtualServer
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    outcome = _ask(stage, server_name=False)
    return outcome.status == 400 and b"No required SSL certificate was sent" in outcome.body


def safe(stage: Stage) -> None:
    assert _ask(stage, server_name=True).status == 200


def _ask(stage: Stage, *, server_name: bool) -> Outcome:
    behind = stage.nginx(virtual_servers=[VirtualServer("public.test", verify="off"), VirtualServer("api.test")])
    service = stage.ca.issue_client("service")
    upstream = TlsUpstream(behind, credential=service, name="api.test", server_name=server_name)
    return stage.nginx(verify="off", forward={"Host": "api.test"}, upstream=upstream).request()
