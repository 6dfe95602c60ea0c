"""What is there without TLS."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

MISTAKES = (
    Mistake(
        "both-ports-in-one-server",
        "company",
        (("conf.d/api.conf", "    listen 443 ssl;\n", "    listen 443 ssl;\n    listen 80;\n"),),
        rule="plain-twin",
        grade="critical",
        line=("conf.d/api.conf", "listen 80"),
    ),
    Mistake(
        "plain-default-passes-on",
        "company",
        (("conf.d/00-default.conf", "    return 301 https://$host$request_uri;",
          "    location /.well-known/ { root /var/www; }\n    location / { proxy_pass http://orders; }"),),
        rule="plain-twin",
        grade="critical",
        line=("conf.d/00-default.conf", "proxy_pass"),
    ),
    Mistake(
        "page-for-plain-http",
        "company",
        (("conf.d/api.conf", "    ssl_verify_client on;\n", "    ssl_verify_client on;\n"
          "    error_page 497 =200 @plain;\n    location @plain { proxy_pass http://orders; }\n"),),
        rule="plain-to-tls-port",
        grade="critical",
        line=("conf.d/api.conf", "error_page 497"),
    ),
)  # fmt: skip
