"""Known regressions, ready to run: what a scenario is, where its problem shows, and the stage it is played on.

A scenario is one file; ``docs/scenarios/README.md`` says what stands in it. Those that come with the package are in
``pytest_mtls.scenarios``.
"""

from __future__ import annotations

from pytest_mtls.stage.conditions import (
    Need,
    Where,
    before,
    everywhere,
    needs_nginx,
    needs_process_engine,
    openssl_before,
    openssl_since,
    since,
    unless_patched,
)
from pytest_mtls.stage.stage import Stage

__all__ = [
    "Need",
    "Stage",
    "Where",
    "before",
    "everywhere",
    "needs_nginx",
    "needs_process_engine",
    "openssl_before",
    "openssl_since",
    "since",
    "unless_patched",
]
