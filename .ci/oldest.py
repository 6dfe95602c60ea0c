"""The oldest version of everything that a wheel asks for by ``>=``, as constraints for pip: ``oldest.py FILE.whl``."""

from __future__ import annotations

import re
import sys
import zipfile

REQUIREMENT = re.compile(r"^Requires-Dist: (?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?[^;]*?>=(?P<oldest>[0-9.]+)", re.M)

with zipfile.ZipFile(sys.argv[1]) as wheel:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    for found in REQUIREMENT.finditer(wheel.read(metadata).decode()):
        print(f"{found['name']}=={found['oldest']}")
