"""Who names whom."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

MISTAKES = (
    Mistake(
        "one-header-of-its-own",
        "company",
        (
            ("conf.d/api.conf", "    location / {\n        include snippets/identity.conf;",
             "    include snippets/identity.conf;\n    location / {"),
            ("conf.d/api.conf", "    location /billing/ {\n        include snippets/identity.conf;",
             "    location /billing/ {\n        proxy_set_header X-Team billing;"),
        ),
        rule="forged-identity-header",
        grade="critical",
        line=("conf.d/api.conf", "X-Team billing"),
    ),
    Mistake(
        "behind-a-check-of-the-subject",
        "roles",
        (("nginx.conf", "            if ($role != deployer) { return 403; }\n",
          "            if ($role != deployer) { return 403; }\n            proxy_set_header X-Team deploy;\n"),),
        rule="forged-identity-header",
        grade="critical",
        line=("nginx.conf", "X-Team"),
    ),
)  # fmt: skip
