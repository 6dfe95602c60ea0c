"""Who stands behind."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

_ORDERS = (
    "    location / {\n        include snippets/identity.conf;\n        proxy_pass http://orders;\n    }\n"
    "    location /billing/"
)
_OVER_TLS = _ORDERS.replace("http://orders", "https://orders")
_BILLING = "        proxy_pass http://billing/;\n"
_VERIFIED = (
    "proxy_ssl_verify on;\nproxy_ssl_trusted_certificate /etc/ssl/example/internal-ca.pem;\nproxy_ssl_server_name on;\n"
)


def _identity(name: str) -> str:
    path = f"/etc/ssl/example/{name}"
    return f"        proxy_ssl_certificate {path}.pem;\n        proxy_ssl_certificate_key {path}.key;\n"


MISTAKES = (
    Mistake(
        "upstream-by-TLS-and-no-more",
        "company",
        (("conf.d/api.conf", _ORDERS, _OVER_TLS),),
        rule="upstream-not-verified",
        grade="warning",
        line=("conf.d/api.conf", "https://orders"),
    ),
    Mistake(
        "verification-turned-off",
        "company",
        (("snippets/upstream.conf", "", _VERIFIED.replace("verify on", "verify off")),
         ("conf.d/api.conf", _BILLING, "        include snippets/upstream.conf;\n        proxy_pass https://billing.internal:9443/;\n")),
        rule="upstream-not-verified",
        grade="warning",
        line=("snippets/upstream.conf", "proxy_ssl_verify off"),
    ),
    Mistake(
        "without-a-name",
        "company",
        (("conf.d/api.conf", _BILLING, "        proxy_pass https://billing.internal:9443/;\n"),),
        rule="upstream-without-sni",
        grade="note",
        line=("conf.d/api.conf", "https://billing"),
    ),
    Mistake(
        "name-of-the-upstream-block",
        "company",
        (("snippets/upstream.conf", "", _VERIFIED),
         ("conf.d/api.conf", _BILLING, "        include snippets/upstream.conf;\n        proxy_pass https://billing/;\n")),
        rule="upstream-name-of-the-group",
        grade="note",
        line=("conf.d/api.conf", "https://billing"),
    ),
    Mistake(
        "two-identities-over-one-keepalive",
        "company",
        (("conf.d/api.conf", _ORDERS,
          _OVER_TLS.replace("        proxy_pass", _identity("svc-orders") + "        proxy_pass")),
         ("conf.d/api.conf", _BILLING, _identity("svc-billing") + "        proxy_pass https://orders/;\n"),
         ("snippets/identity.conf", "", 'proxy_http_version 1.1;\nproxy_set_header Connection "";\n')),
        rule="upstream-identity-mixed-up",
        grade="critical",
        line=("conf.d/api.conf", "proxy_ssl_certificate /etc/ssl/example/svc-billing.pem"),
    ),
    Mistake(
        "broker-by-TLS-and-no-more",
        "company",
        (("nginx.conf", "http {", "stream {\n    include stream.d/*.conf;\n}\n\nhttp {"),
         ("stream.d/mqtt.conf", "", "server {\n    listen 8883 ssl;\n    ssl_certificate /etc/ssl/example/server.pem;\n"
          "    ssl_certificate_key /etc/ssl/example/server.key;\n    include snippets/clients.conf;\n"
          "    ssl_verify_client on;\n    proxy_ssl on;\n    proxy_pass broker.internal:8883;\n}\n")),
        rule="upstream-not-verified",
        grade="warning",
        line=("stream.d/mqtt.conf", "proxy_pass"),
    ),
    Mistake(
        "gRPC-by-TLS-and-no-more",
        "company",
        (("conf.d/api.conf", _BILLING, "        grpc_pass grpcs://rpc.internal:50051;\n"),),
        rule="upstream-not-verified",
        grade="warning",
        line=("conf.d/api.conf", "grpc_pass"),
    ),
)  # fmt: skip
