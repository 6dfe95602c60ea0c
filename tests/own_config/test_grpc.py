"""A gRPC location in front of the recorder."""

from __future__ import annotations

from pathlib import Path

from pytest_mtls import Harness

_CONFIG = """
events {}
http {
    server {
        listen 443 ssl;
        ssl_certificate s.pem; ssl_certificate_key s.key; ssl_client_certificate ca.pem; ssl_verify_client on;
        proxy_set_header X-For proxies;
        grpc_set_header X-Client-DN $ssl_client_s_dn;
        grpc_set_header X-Words 'two words, "quoted"';
        location /inherits { grpc_pass grpc://rpc.internal:50051; }
        location /own      { grpc_set_header X-Own yes; grpc_pass grpc://rpc.internal:50051; }
        location /proxied  { proxy_pass http://app; }
    }
}
"""


def test_the_recorder_gets_the_headers_of_grpc(process_harness: Harness, tmp_path: Path) -> None:
    """They are inherited as in gRPC, and those for proxied locations are not."""
    config = tmp_path / "nginx.conf"
    config.write_text(_CONFIG)
    server = process_harness.nginx(config=config)
    alice = process_harness.ca.issue_client("alice")

    inherits, own, proxied = (
        server.request(path, credential=alice, headers={"X-Client-DN": "CN=forged"}).forwarded
        for path in ("/inherits", "/own", "/proxied")
    )

    assert inherits is not None
    assert own is not None
    assert proxied is not None
    assert inherits.get_all("X-Client-DN") == ("CN=alice",)
    assert inherits["X-Words"] == 'two words, "quoted"'
    assert "X-For" not in inherits
    assert (own.get_all("X-Client-DN"), own["X-Own"]) == (("CN=forged",), "yes")
    assert (proxied.get_all("X-Client-DN"), proxied["X-For"]) == (("CN=forged",), "proxies")
    process_harness.discard(server)
