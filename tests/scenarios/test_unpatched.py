"""The nginx that CVE-2025-23419 is about: Debian 11's last release is from before the fix, which came by its security
archive."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pytest_mtls import Harness, NginxUnavailable
from pytest_mtls.generations import GENERATIONS, mirror, provide
from pytest_mtls.stage.catalogue import named
from pytest_mtls.stage.running import Verdict, run


@pytest.fixture(scope="module")
def unpatched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """Makes bullseye 1.18.0-6.1+deb11u3 for as long as these tests run, built without the security archive."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        try:
            environment.setenv(mirror.VARIABLE, mirror.find_mirror().main)
            provide(GENERATIONS["bullseye"])
        except NginxUnavailable as error:
            if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
                pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and there is none: {error}", pytrace=False)
            pytest.skip(f"No vulnerable build is at hand: {error}")
        with Harness.open("process") as harness:
            yield harness


def test_a_session_of_one_vhost_opens_another(unpatched: Harness) -> None:
    """The bypass itself, without a certificate; and the scenario shows it."""
    result = run(named("cve-2025-23419-cross-vhost-resume"), unpatched, "bullseye")

    assert result.verdict is Verdict.SHOWS, result.why


def test_what_the_fix_broke_is_not_broken_yet(unpatched: Harness) -> None:
    """A session of another name is a hard failure only since."""
    result = run(named("cross-sni-resume-hard-failure"), unpatched, "bullseye")

    assert result.verdict is Verdict.ABSENT, result.why
