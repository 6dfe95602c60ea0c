"""The line of a session that says what answers, and why that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mtls.errors import MtlsError
from pytest_mtls.options import nginx_names
from pytest_mtls.sessions import harness_of

if TYPE_CHECKING:
    import pytest


def header_lines(config: pytest.Config) -> list[str]:
    """Engine, nginx, OpenSSL, and why this engine; or what stands in the way."""
    try:
        harness = harness_of(config)
        build = harness.build
    except MtlsError as error:
        # The tests that need it will fail with this; a suite may have others.
        return [f"mtls: {error}"]
    several = nginx_names(config)[1:]
    others = f", and {', '.join(several)}" if several else ""
    return [
        f"mtls: nginx {build.version} (OpenSSL {build.openssl_version}){others} "
        f"in engine {harness.engine.name}: {harness.engine.description} ({harness.why})"
    ]
