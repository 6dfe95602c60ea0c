"""Clients that are missing, too old or unknown; and that nobody pays for those that are not asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_mtls import ClientUnavailable, Harness, InvalidArgument
from pytest_mtls.clients.catalogue import CLIENTS, usable
from pytest_mtls.clients.client import is_older
from pytest_mtls.clients.installing import install_command
from pytest_mtls.clients.python import PythonClient


@pytest.mark.parametrize("name", ["curl", "openssl", "go", "node-fetch", "java"])
def test_a_missing_client_is_named_with_what_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing of this kind is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ClientUnavailable, match=rf"The client {name} .* is not on this machine\. To install it: \S"):
        usable(CLIENTS[name])


def test_a_missing_library_is_named_with_what_installs_it() -> None:
    """By the pip of the Python that runs this."""
    with pytest.raises(ClientUnavailable, match="-m pip install no_such_library"):
        usable(PythonClient("no_such_library", "1"))


def test_a_client_that_is_too_old_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With its version, where it is, and what is needed; another program of that name is no such client."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, says in (("curl", "curl 7.29.0 (x86_64) libcurl/7.29.0"), ("openssl", "LibreSSL 3.3.6")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(ClientUnavailable, match=r"curl here is 7\.29\.0 \(.*/curl\), and 7\.54 or later"):
        usable(CLIENTS["curl"])
    with pytest.raises(ClientUnavailable, match=r"openssl .* is not on this machine"):
        usable(CLIENTS["openssl"])


def test_an_unknown_client_lists_those_there_are(processes: Harness) -> None:
    """As every other name does."""
    nginx = processes.nginx()

    with pytest.raises(InvalidArgument, match="client='wget' is not known; use one of 'curl', 'openssl', 'go'"):
        nginx.request_with("wget")
    processes.discard(nginx)


@pytest.mark.parametrize(
    "system, command",
    [
        ("debian", "sudo sh -c 'apt-get install default-jdk-headless'"),
        ("ubuntu debian", "sudo sh -c 'apt-get install default-jdk-headless'"),
        ("rocky rhel centos fedora", "sudo sh -c 'dnf install java-latest-openjdk-devel'"),
        ("alpine", "sudo sh -c 'apk add openjdk17'"),
        ("plan9", "your package manager: java"),
    ],
)
def test_the_command_is_this_system_s(system: str, command: str) -> None:
    """By os-release."""
    assert install_command("java", system) == command


def test_versions_are_compared_by_number() -> None:
    """Not as text."""
    assert is_older("1.9.2", "1.16")
    assert not is_older("1.16", "1.16")
    assert not is_older("17.0.15", "11")
    assert not is_older("2.34.2", "2.32")


def test_nobody_pays_for_clients_that_are_not_asked() -> None:
    """Neither the library nor the command line loads them, or looks for them."""
    code = (
        "import sys, pytest_mtls.server, pytest_mtls.plugin, pytest_mtls.cli;"
        "print([name for name in sys.modules if name.startswith(('pytest_mtls.clients', 'aiohttp', 'httpx2'))])"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True).stdout

    assert said.strip() == "[]"
