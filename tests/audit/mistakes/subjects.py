"""Who is taken for whom."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

_NAMED = '        "CN=root-operator,O=Example" 1;'
_ROLES = "map $ssl_client_s_dn $role {{\n    default user;\n    {}\n}}\n"
_USERS = "map $ssl_client_s_dn $user {{\n    {}\n}}\n"
_CLIENTS = "snippets/clients.conf"
_SENT = ("snippets/identity.conf", "", "proxy_set_header X-Role $role;\n")
_TOLD = ("snippets/identity.conf", "", "proxy_set_header X-User $user;\n")


def _wide(name: str, *edits: tuple[str, str, str], line: tuple[str, str], nginx: str | None = None) -> Mistake:
    return Mistake(name, "company", edits, "subject-pattern-too-wide", "critical", line, nginx)


MISTAKES = (
    _wide(
        "part-of-the-subject-in-a-map",
        ("nginx.conf", _NAMED, '        "~CN=root-operator" 1;'),
        line=("nginx.conf", "~CN=root-operator"),
    ),
    _wide(
        "anchored-at-one-end",
        ("nginx.conf", _NAMED, '        "~^CN=root-operator" 1;'),
        line=("nginx.conf", "~^CN=root-operator"),
    ),
    _wide(
        "comma-before-and-after",
        ("nginx.conf", _NAMED, '        "~(^|,)CN=root-operator(,|$)" 1;'),
        line=("nginx.conf", "~(^|,)"),
    ),
    _wide(
        "part-of-the-subject-in-an-if",
        ("conf.d/portal.conf", "if ($is_admin = 0)", 'if ($ssl_client_s_dn !~ "OU=Admins")'),
        line=("conf.d/portal.conf", "OU=Admins"),
    ),
    _wide(
        "role-by-a-word",
        ("conf.d/roles.conf", "", _ROLES.format("~*admin admin;")),
        _SENT,
        line=("conf.d/roles.conf", "~*admin"),
    ),
    _wide(
        "verify-and-subject-in-one-map",
        ("conf.d/roles.conf", "", 'map "$ssl_client_verify:$ssl_client_s_dn" $role {\n    default "";\n'
         '    "~^SUCCESS:.*CN=deploy" deployer;\n}\n'),
        _SENT,
        line=("conf.d/roles.conf", "CN=deploy"),
    ),
    _wide(
        "role-by-the-user-taken-from-it",
        ("conf.d/roles.conf", "", _USERS.format("~CN=(?<cn>[^,]+) $cn;")
         + "map $user $role {\n    default user;\n    admin admin;\n}\n"),
        _SENT,
        line=("conf.d/roles.conf", "admin admin"),
    ),
    _wide(
        "whole-subject-in-the-old-form",
        ("nginx.conf", "map $ssl_client_s_dn $is_admin", "map $ssl_client_s_dn_legacy $is_admin"),
        ("nginx.conf", _NAMED, "        /O=Example/CN=root-operator 1;"),
        line=("nginx.conf", "/O=Example/CN=root-operator"),
        nginx="bullseye",
    ),
    Mistake(
        "organisation-left-out",
        "company",
        (("nginx.conf", _NAMED, '        "~^CN=root-operator(,|$)" 1;'),),
        rule="subject-pattern-loose",
        grade="note",
        line=("nginx.conf", "~^CN=root-operator"),
    ),
    Mistake(
        "public-authority-for-stapling",
        "company",
        ((_CLIENTS, "ssl_crl                /etc/ssl/example/clients.crl;\n",
          "ssl_stapling on;\nssl_stapling_verify on;\n"
          "ssl_trusted_certificate /etc/letsencrypt/live/example.com/chain.pem;\n"),),
        rule="second-authority-gets-in",
        grade="warning",
        line=(_CLIENTS, "chain.pem"),
    ),
    Mistake(
        "user-from-anywhere-in-the-subject",
        "company",
        (("conf.d/roles.conf", "", _USERS.format('"~CN=(?<cn>[^,]+)" $cn;')), _TOLD),
        rule="name-from-subject-wrong",
        grade="critical",
        line=("conf.d/roles.conf", "~CN="),
    ),
    Mistake(
        "user-set-under-an-if",
        "company",
        (("conf.d/api.conf", "    location /billing/ {\n",
          "    location /billing/ {\n        set $user \"\";\n"
          "        if ($ssl_client_s_dn ~ \"CN=([^,]+)\") { set $user $1; }\n"
          "        proxy_set_header X-User $user;\n"),),
        rule="name-from-subject-wrong",
        grade="critical",
        line=("conf.d/api.conf", "CN=([^,]+)"),
    ),
    Mistake(
        "user-cut-at-the-comma",
        "company",
        (("conf.d/roles.conf", "", _USERS.format('"~^CN=(?<cn>[^,]+)" $cn;')), _TOLD),
        rule="name-from-subject-wrong",
        grade="warning",
        line=("conf.d/roles.conf", "~^CN="),
    ),
)  # fmt: skip
