"""A container engine on another machine, by TCP with TLS and by ssh."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import CredentialState, EngineUnavailable, Harness, TlsUpstream
from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.api import connect
from pytest_mtls.pki.authority import CertificateAuthority
from tests.engines.elsewhere import Elsewhere, elsewhere
from tests.plugin.suite import Suite

pytestmark = pytest.mark.long

_MODES = ("off", "on", "optional", "optional_no_ca")


@pytest.fixture(scope="module")
def other() -> Iterator[Elsewhere]:
    """The other machine."""
    with elsewhere() as built:
        yield built


@pytest.fixture(params=["tls", "ssh"])
def host(request: pytest.FixtureRequest, other: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> str:
    """DOCKER_HOST, with what goes with it."""
    environment = other.by_tls if request.param == "tls" else other.by_ssh
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment["DOCKER_HOST"]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A TMPDIR of one's own, with a path that a socket's may begin with."""
    with tempfile.TemporaryDirectory(prefix="tmp-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


def _containers() -> list[dict[str, Any]]:
    with contextlib.closing(connect()) as client:
        found: list[dict[str, Any]] = client.api.containers(all=True)
    return found


def test_it_is_another_machine(other: Elsewhere) -> None:
    """Otherwise the tests below would prove nothing: what listens on its loopback is not reached from here."""
    addresses = other.run("ip", "-4", "-brief", "address")

    assert other.address in addresses
    assert "docker0" in addresses
    assert os.stat(other.namespace).st_ino != os.stat("/proc/self/ns/net").st_ino


def test_every_mode_is_answered_and_recorded(host: str, temporary: Path) -> None:
    """As on this machine, also through another nginx over there; then nothing is left on either."""
    with Harness.open("docker") as harness:
        alice = harness.ca.issue_client("alice")
        for mode in _MODES:
            nginx = harness.nginx(verify=mode)

            for credential, state in ((alice, CredentialState.VALID), (None, CredentialState.NONE)):
                outcome = nginx.request(f"/{mode}", credential=credential)
                assert outcome.matches(nginx.expected(state)), outcome.explain()
                if outcome.accepted:
                    assert outcome.forwarded is not None
                    assert outcome.forwarded.target == f"/{mode}"
            assert nginx.url == f"https://localhost:{nginx.port}"
        nginx.update(verify="on")
        assert nginx.request().internal_status == 496
        front = harness.nginx(verify="off", upstream=TlsUpstream(nginx, credential=alice))
        assert front.request().status == 200
        assert len(_containers()) == len(_MODES) + 2

    assert _containers() == []
    assert list(temporary.iterdir()) == []


def test_no_port_is_open_on_either_machine(host: str, other: Elsewhere) -> None:
    """None is published, whatever listens is in a container's own network, and the recorder is on loopback here."""
    before = set(other.run("ss", "-Hltn").splitlines())
    with Harness.open("docker") as harness:
        nginx = harness.nginx(verify="on")
        assert nginx.request(credential=harness.ca.issue_client("alice")).accepted

        assert set(other.run("ss", "-Hltn").splitlines()) == before
        assert not any(each["Ports"] for each in _containers())
        own = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, timeout=20, check=True).stdout
        listening = [line.split()[3] for line in own.splitlines() if f"pid={os.getpid()}," in line]
        assert len(listening) >= 3
        assert all(each.startswith("127.0.0.1:") for each in listening)


def test_a_suite_with_two_workers_runs_there(
    host: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a tunnel of its own, and removes it."""
    suite = Suite(pytester, monkeypatch)
    suite.settings(using=["xdist"])

    result = suite.run(
        """
        import pytest
        @pytest.mark.parametrize("number", range(4))
        @pytest.mark.mtls(verify=["off", "on"])
        def test_it(mtls_nginx, mtls_ca, number):
            outcome = mtls_nginx.request(credential=mtls_ca.issue_client("alice"))
            assert outcome.accepted and outcome.forwarded is not None
        """,
        *("-n", "2"),
        engine="docker",
    )

    result.assert_outcomes(passed=8)
    assert _containers() == []


def test_the_guard_finds_its_own_way_there(host: str, temporary: Path) -> None:
    """The owner is killed: what it had there is removed, with the folder of the socket and the ssh that led to it."""
    code = "import time; from pytest_mtls import Harness; h = Harness.open('docker'); h.nginx(); print(1, flush=True)"
    with subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(60)"], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        given_up = threading.Timer(60, owner.kill)
        given_up.start()
        assert owner.stdout.readline() == b"1\n"
        given_up.cancel()
        assert len(_containers()) == 2
        os.kill(owner.pid, signal.SIGKILL)

    wait_until(lambda: not _containers(), Deadline.after(10), awaited="the guard to remove the containers")
    wait_until(lambda: not list(temporary.iterdir()), Deadline.after(10), awaited="the guard to remove the folders")


def test_an_engine_that_shows_somebody_elses_certificate_is_not_spoken_to(
    other: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever REQUESTS_CA_BUNDLE trusts: that of DOCKER_CERT_PATH is the one."""
    for name, value in other.by_tls.items():
        monkeypatch.setenv(name, value)
    real = Path(other.by_tls["DOCKER_CERT_PATH"])
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes((real / name).read_bytes())
    (tmp_path / "ca.pem").write_bytes(CertificateAuthority().chain_pem)
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(real / "ca.pem"))

    with pytest.raises(EngineUnavailable, match="certificate verify failed"):
        connect()
