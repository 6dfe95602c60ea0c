"""``python -m pytest_mtls`` does what ``pytest-mtls`` does."""

from __future__ import annotations

import sys

from pytest_mtls.cli import main

if __name__ == "__main__":
    sys.exit(main())
