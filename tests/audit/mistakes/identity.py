"""Names that are not verified, or do not arrive."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

_IDENTITY = "snippets/identity.conf"
_VERDICT = "proxy_set_header X-Client-Verify $ssl_client_verify;\n"
_NAME = "proxy_set_header X-Client-DN     $ssl_client_s_dn;\n"
_CERTIFICATE = "proxy_set_header X-Client-Cert   $ssl_client_escaped_cert;\n"
_CHECK = "    location / {\n        if ($ssl_client_verify != SUCCESS) { return 403; }"
_OPTIONAL = ("conf.d/portal.conf", "ssl_verify_client optional;", "ssl_verify_client optional_no_ca;")

MISTAKES = (
    Mistake(
        "stranger-with-a-known-name",
        "company",
        (_OPTIONAL, ("conf.d/portal.conf", _CHECK, "    location / {"),
         (_IDENTITY, _VERDICT, ""), (_IDENTITY, _CERTIFICATE, "")),
        rule="unverified-identity",
        grade="critical",
        line=("conf.d/portal.conf", "optional_no_ca"),
    ),
    Mistake(
        "check-of-the-name-alone",
        "company",
        (_OPTIONAL, ("conf.d/portal.conf", _CHECK,
                     '    location / {\n        if ($ssl_client_s_dn !~ "O=Example$") { return 403; }'),
         (_IDENTITY, _VERDICT, ""), (_IDENTITY, _CERTIFICATE, "")),
        rule="unverified-identity",
        grade="critical",
        line=("conf.d/portal.conf", "optional_no_ca"),
    ),
    Mistake(
        "administrator-by-subject-alone",
        "company",
        (_OPTIONAL, ("conf.d/portal.conf",
                     "    location ~* ^/admin {\n        if ($ssl_client_verify != SUCCESS) { return 403; }\n",
                     "    location ~* ^/admin {\n")),
        rule="unverified-subject-check",
        grade="critical",
        line=("nginx.conf", '"CN=root-operator,O=Example" 1'),
    ),
    Mistake(
        "certificate-on-folded-lines",
        "company",
        ((_IDENTITY, "$ssl_client_escaped_cert", "$ssl_client_cert"),),
        rule="multi-line-header",
        grade="warning",
        line=(_IDENTITY, "X-Client-Cert"),
    ),
    Mistake(
        "certificate-on-raw-lines",
        "company",
        ((_IDENTITY, "$ssl_client_escaped_cert", "$ssl_client_raw_cert"),),
        rule="multi-line-header",
        grade="warning",
        line=(_IDENTITY, "X-Client-Cert"),
    ),
    Mistake(
        "whole-certificate-in-a-header",
        "company",
        (),
        rule="identity-header-large",
        grade="note",
        line=(_IDENTITY, "X-Client-Cert"),
    ),
    Mistake(
        "nothing-but-the-subject",
        "company",
        ((_IDENTITY, _CERTIFICATE, ""),),
        rule="nameless-client",
        grade="note",
        line=(_IDENTITY, "X-Client-DN"),
    ),
    Mistake(
        "verdict-without-a-name",
        "company",
        ((_IDENTITY, _NAME, ""), (_IDENTITY, _CERTIFICATE, "")),
        rule="identity-header-not-set",
        grade="note",
        line=(_IDENTITY, "X-Client-Verify"),
    ),
)  # fmt: skip
