"""mmdebstrap is installed where it is missing, unless that is forbidden."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_mtls import NginxUnavailable
from pytest_mtls.generations import GENERATIONS, provide
from pytest_mtls.generations.packages import NO_INSTALL


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What apt-get was asked, by a root who has no other program, and whose apt-get installs nothing."""
    program, asked = tmp_path / "apt-get", tmp_path / "asked"
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\necho "E: no such package" >&2\nexit 100\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return asked


def test_it_is_tried_and_said(asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to forbid it; where it fails, apt's words are shown."""
    monkeypatch.delenv(NO_INSTALL, raising=False)

    with pytest.raises(NginxUnavailable, match=r"(?s)apt-get install mmdebstrap.*failed:\nE: no such package"):
        provide(GENERATIONS["bookworm"])

    assert [line.split()[0] for line in asked.read_text().splitlines()] == ["install", "update", "install"]
    assert f"installing mmdebstrap (once; {NO_INSTALL}=1 forbids it)" in capsys.readouterr().err


def test_it_can_be_forbidden(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the error names what forbids it, and what to install."""
    monkeypatch.setenv(NO_INSTALL, "1")

    with pytest.raises(NginxUnavailable, match=f"apt-get install mmdebstrap.*{NO_INSTALL} is set"):
        provide(GENERATIONS["bookworm"])

    assert not asked.exists()
