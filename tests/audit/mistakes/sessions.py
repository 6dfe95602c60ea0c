"""What is resumed."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

_OFF = "    ssl_session_cache off;\n    ssl_session_tickets off;\n"

MISTAKES = (
    Mistake(
        "shared-cache-and-a-crl",
        "company",
        (("nginx.conf", _OFF, "    ssl_session_cache shared:TLS:10m;\n"),),
        rule="session-outlives-revocation",
        grade="warning",
        line=("nginx.conf", "ssl_session_cache"),
    ),
    Mistake(
        "sessions-of-a-day",
        "company",
        (("nginx.conf", _OFF, "    ssl_session_cache shared:TLS:10m;\n    ssl_session_timeout 1d;\n"),),
        rule="session-outlives-revocation",
        grade="critical",
        line=("nginx.conf", "ssl_session_timeout"),
    ),
    Mistake(
        "ticket-key-file",
        "company",
        (("snippets/tls.conf", "ssl_protocols", "ssl_session_tickets on;\n"
          "ssl_session_ticket_key /etc/ssl/example/ticket.key;\nssl_protocols"),),
        rule="session-outlives-revocation",
        grade="warning",
        line=("snippets/tls.conf", "ssl_session_ticket_key"),
    ),
    Mistake(
        "one-server-forgot-the-crl",
        "company",
        (
            ("nginx.conf", _OFF, ""),
            ("conf.d/portal.conf", "include snippets/clients.conf;",
             "ssl_client_certificate /etc/ssl/example/clients-ca.pem;"),
        ),
        rule="session-opens-another-server",
        grade="critical",
        line=("snippets/tls.conf", "ssl_certificate "),
    ),
    Mistake(
        "session-of-a-default-server-with-a-CA",
        "partners",
        (
            ("nginx.conf", "        ssl_reject_handshake on;\n", "        ssl_certificate /etc/ssl/other.pem;\n"
             "        ssl_certificate_key /etc/ssl/other.key;\n"
             "        ssl_client_certificate /etc/nginx/ca/employees.pem;\n        ssl_verify_client on;\n"
             "        return 404;\n"),
            ("partners.d/partner.inc", "ssl_session_tickets off;", "ssl_session_cache shared:partners:2m;"),
        ),
        rule="session-opens-another-server",
        grade="critical",
        line=("partners.d/partner.inc", "ssl_session_cache"),
        nginx="bookworm",
    ),
)  # fmt: skip
