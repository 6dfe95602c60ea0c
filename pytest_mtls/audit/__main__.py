"""``python -m pytest_mtls.audit docs/audit.md``: writes what each attack may find into that page."""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_mtls.audit.reference import with_rules

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m pytest_mtls.audit PAGE")
    page = Path(sys.argv[1])
    page.write_text(with_rules(page.read_text(encoding="utf-8")), encoding="utf-8")
