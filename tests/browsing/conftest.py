"""One nginx with several servers for all of them, and what a browser leaves behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_mtls import BrowserUnavailable, CertificateAuthority, Credential, Harness, NginxServer
from pytest_mtls.arguments import ServerArguments
from pytest_mtls.browser.programs import Programs
from pytest_mtls.engines.cleanup import FOLDER_PREFIX
from pytest_mtls.engines.guard import masters_of


@pytest.fixture(scope="session", autouse=True)
def programs() -> Programs:
    """What they all need."""
    try:
        return Programs.found()
    except BrowserUnavailable as error:
        if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
            pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set: {error}", pytrace=False)
        pytest.skip(str(error))


@dataclass(frozen=True, slots=True)
class Place:
    """Servers that differ in what they ask of a client, and who asks."""

    ca: CertificateAuthority
    alice: Credential
    revoked: Credential
    on: NginxServer
    optional: NginxServer
    names_another_ca: NginxServer
    stream: NginxServer


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """All in one nginx, as a process."""
    with Harness.open("process") as harness:
        ca = harness.ca
        revoked = ca.issue_client("bob")
        ca.revoke(revoked)
        asked = (
            {"verify": "on", "crl": ca.crl(), "directives": ["location /moved { return 302 /here; }"]},
            {"verify": "optional"},
            {"verify": "optional", "client_ca": CertificateAuthority("Partner CA")},
            {"verify": "on", "protocol": "stream"},
        )
        arguments = [ServerArguments.checked(each, where="place") for each in asked]
        yield Place(ca, ca.issue_client("alice"), revoked, *harness.start(arguments, shared=True))


@dataclass(frozen=True, slots=True)
class Traces:
    """Where browsers of a test live."""

    folder: Path

    def left(self) -> list[str]:
        """Profiles, and processes that live in one."""
        profiles = [str(each) for each in self.folder.glob(f"{FOLDER_PREFIX}*")]
        return [*profiles, *(f"process {pid}" for pid in masters_of(f"{self.folder}/"))]


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Place) -> Iterator[Traces]:
    """A temporary folder for the browsers of a test, of a longer name than a socket can have; empty in the end."""
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    traces = Traces(folder)
    yield traces

    assert traces.left() == []


@pytest.fixture(params=["chromium", "playwright"])
def through(request: pytest.FixtureRequest) -> str:
    """Both ways."""
    way: str = request.param
    return way
