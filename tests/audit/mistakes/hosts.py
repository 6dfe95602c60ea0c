"""Who answers to which name."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

MISTAKES = (
    Mistake(
        "no-default-server-and-a-CA-to-each",
        "partners",
        (("nginx.conf", "\n    server {\n        listen 443 ssl default_server;\n        server_name _;\n"
          "        ssl_reject_handshake on;\n    }\n", ""),),
        rule="another-servers-check",
        grade="critical",
        line=("partners.d/acme.conf", "ssl_client_certificate"),
    ),
    Mistake(
        "default-server-without-the-crl",
        "company",
        (("conf.d/00-default.conf", "    include snippets/tls.conf;\n", "    include snippets/tls.conf;\n"
          "    ssl_client_certificate /etc/ssl/example/clients-ca.pem;\n    ssl_verify_client optional;\n"),),
        rule="another-servers-check",
        grade="critical",
        line=("conf.d/00-default.conf", "ssl_client_certificate"),
    ),
    Mistake(
        "default-server-passes-on",
        "company",
        (("conf.d/00-default.conf", "    return 444;", "    location / { proxy_pass http://orders; }"),),
        rule="default-server-open",
        grade="critical",
        line=("conf.d/00-default.conf", "proxy_pass"),
    ),
    Mistake(
        "first-file-is-the-default",
        "company",
        (
            ("conf.d/00-default.conf", "    listen 443 ssl default_server;\n    server_name _;",
             "    listen 443 ssl;\n    server_name old.example.com;"),
            ("conf.d/0-status.conf", "", "server {\n    listen 443 ssl;\n    server_name status.example.com;\n"
             "    include snippets/tls.conf;\n    location / { return 200 ok; }\n}\n"),
        ),
        rule="default-by-order",
        grade="note",
        line=("conf.d/0-status.conf", "listen 443"),
    ),
)  # fmt: skip
