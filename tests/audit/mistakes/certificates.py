"""Who gets in."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

MISTAKES = (
    Mistake(
        "compared-with-FAILED",
        "company",
        (("conf.d/portal.conf", "    location / {\n        if ($ssl_client_verify != SUCCESS)",
          "    location / {\n        if ($ssl_client_verify = FAILED)"),),
        rule="condition-fails-open",
        grade="critical",
        line=("conf.d/portal.conf", "= FAILED"),
    ),
    Mistake(
        "error-page-to-the-application",
        "company",
        (("conf.d/api.conf", "    location / {", "    error_page 495 496 =200 /billing/denied;\n    location / {"),),
        rule="error-page-serves-content",
        grade="critical",
        line=("conf.d/api.conf", "error_page"),
    ),
)  # fmt: skip
