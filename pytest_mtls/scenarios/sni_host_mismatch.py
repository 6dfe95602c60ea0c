"""A request for another host than the handshake's is answered 421, with a good certificate too.

Symptom: Behind a proxy that sets Host but no SNI of its own, a protected virtual host answers 421 Misdirected Request.
Cause: nginx lets a request go to a server that checks clients only where the SNI was that server's: else a handshake
    with a server that checks nobody would do for it.
Safe: The same name as SNI and Host. Case, port and a dot at the end make no difference.
Versions: All alike; before 1.11.0 it was 400.
Source: CHANGES 1.11.0; nginx-gateway-fabric issue 3659
"""

from pytest_mtls import VirtualServer
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    alice = stage.ca.issue_client("alice")
    for mode in ("on", "optional"):
        servers = [VirtualServer("public.test", verify="off"), VirtualServer("protected.test", verify=mode)]
        nginx = stage.nginx(virtual_servers=servers)
        answers = [nginx.request(credential=each, server_name="public.test", host="protected.test")
                   for each in (alice, None)]  # fmt: skip
        if not all(each.status == 421 and not each.accepted for each in answers):
            return False
    return nginx.request(server_name="protected.test", host="public.test").accepted


def safe(stage: Stage) -> None:
    alice = stage.ca.issue_client("alice")
    servers = [VirtualServer("public.test", verify="off"), VirtualServer("protected.test")]
    nginx = stage.nginx(virtual_servers=servers)
    for host in ("protected.test", "PROTECTED.test", "protected.test:8443", "protected.test."):
        assert nginx.request(credential=alice, server_name="protected.test", host=host).accepted
