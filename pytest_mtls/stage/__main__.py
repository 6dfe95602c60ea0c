"""``python -m pytest_mtls.stage FOLDER``: writes the catalogue's pages there."""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_mtls.stage.pages import write

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m pytest_mtls.stage FOLDER")
    write(Path(sys.argv[1]))
