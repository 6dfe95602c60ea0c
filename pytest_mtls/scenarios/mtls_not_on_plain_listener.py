"""A server that demands certificates serves everybody on another port.

Symptom: `ssl_verify_client on`, and requests over plain HTTP get 200; all `$ssl_client_*` are empty.
Cause: A `listen` of the same server lacks `ssl`. Without TLS there is no handshake in which to ask, and nginx does not
    refuse for want of one. To a port that has `ssl`, plain HTTP is answered 400.
Safe: A server of its own for the plain port, that only sends clients to https.
Versions: All alike.
Source: ingress-nginx issues 1573 and 2010
"""

import socket

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    port = _free_port()
    nginx = stage.nginx(directives=[f"listen {port};"])
    plain = nginx.request(plain=port)
    assert nginx.request(plain=True).internal_status == 497
    assert nginx.request().internal_status == 496
    return plain.forwarded is not None and not plain.verify


def safe(stage: Stage) -> None:
    port = _free_port()
    nginx = stage.nginx(http_directives=[f"server {{ listen {port}; return 301 https://example.test; }}"])
    plain = nginx.request(plain=port)
    assert plain.status == 301
    assert plain.forwarded is None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
