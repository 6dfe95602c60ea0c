"""An nginx whose clock is ahead, or behind: libfaketime, where it can be had and can work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_mtls import (
    CertificateAuthority,
    CredentialState,
    EngineLacksFeature,
    Harness,
    InvalidArgument,
    NginxLacksFeature,
)
from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines import clock as faked
from tests.generations.conftest import built

MONTH = timedelta(days=30)


@pytest.fixture
def libfaketime() -> None:
    """It is here, or the test is skipped; a failure where everything is required."""
    if faked.find_library() is None:
        advice = "no libfaketime here; `apt-get install libfaketime` gets it"
        if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
            pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and there is {advice}", pytrace=False)
        pytest.skip(advice)


@pytest.mark.usefixtures("libfaketime")
@pytest.mark.parametrize("nginx", ["bookworm", "trixie", "forky"])
def test_certificates_expire_and_begin_by_nginxs_own_clock(process_harness: Harness, nginx: str) -> None:
    """Nothing has to be waited for; the log has that time too, and timeouts are not touched."""
    built(nginx)
    ca = CertificateAuthority("Clock CA", lifetime=10 * MONTH)
    short, long = (ca.issue_client(name, lifetime=life) for name, life in (("short", MONTH), ("long", 3 * MONTH)))
    started = time.monotonic()
    ahead = process_harness.nginx(nginx=nginx, clock=2 * MONTH, client_ca=ca)
    behind = process_harness.nginx(nginx=nginx, clock=-2 * MONTH, client_ca=ca, verify="optional_no_ca")

    assert ahead.request(credential=short).reason == "certificate_expired"
    assert ahead.request(credential=long).accepted
    assert behind.request(credential=long).reason == "certificate_not_yet_valid"
    ahead.update()
    assert ahead.request(credential=short).reason == "certificate_expired"
    ahead.restart()
    assert ahead.request(credential=short).reason == "certificate_expired"
    assert time.monotonic() - started < 20
    with pytest.raises(InvalidArgument, match=r"cannot know.*clock"):
        ahead.expected(CredentialState.VALID)


@pytest.mark.usefixtures("libfaketime")
def test_the_clock_is_still_ahead_after_libfaketime_has_looked_again(
    process_harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads its environment every ten seconds, here every second, and nginx empties that of its workers."""
    monkeypatch.setenv("FAKETIME_CACHE_DURATION", "1")
    built("forky")
    ca = CertificateAuthority("Clock CA", lifetime=10 * MONTH)
    short = ca.issue_client("short", lifetime=MONTH)
    nginx = process_harness.nginx(nginx="forky", clock=2 * MONTH, client_ca=ca)
    assert not nginx.request(credential=short).accepted

    time.sleep(2.2)
    nginx.request(credential=short)

    assert nginx.request(credential=short).reason == "certificate_expired"


@pytest.mark.usefixtures("libfaketime")
def test_nothing_of_it_stays(process_harness: Harness) -> None:
    """A process that is killed leaves what it shared; stop() takes that along."""
    built("forky")
    nginx = process_harness.nginx(nginx="forky", clock=MONTH)
    pid = nginx.running._process.pid  # type: ignore[attr-defined]
    shared = faked.shared_memory(pid)
    assert any(path.exists() for path in shared)

    os.killpg(pid, 9)
    nginx.stop()

    assert not any(path.exists() for path in shared)


@pytest.mark.usefixtures("libfaketime")
def test_nor_does_it_where_the_whole_run_is_killed() -> None:
    """The guard knows of it."""
    built("forky")
    owner = subprocess.run([sys.executable, "-c", _DYING], capture_output=True, text=True, timeout=30, check=False)
    shared = faked.shared_memory(int(owner.stdout))

    assert owner.returncode == -signal.SIGKILL
    wait_until(lambda: not any(path.exists() for path in shared), Deadline.after(10), awaited="the guard to clear up")


_DYING = """
import os, signal
from datetime import timedelta
from pytest_mtls import Harness
nginx = Harness.open("process").nginx(nginx="forky", clock=timedelta(days=1), verify="off")
pid = nginx.running._process.pid
assert os.path.exists(f"/dev/shm/faketime_shm_{pid}")
print(pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_bundled_nginx_is_static_and_says_so(process_harness: Harness) -> None:
    """Before anything is started."""
    with pytest.raises(NginxLacksFeature, match=r"nginx 1\.\S+ .*linked statically.*clock="):
        process_harness.nginx(nginx="bundled", clock=MONTH)
    assert process_harness.servers == ()


def test_containers_share_the_machines_clock(docker_harness: Harness) -> None:
    """Before anything is started."""
    with pytest.raises(EngineLacksFeature, match=r"docker cannot shift a clock.*clock=.*plain process"):
        docker_harness.nginx(clock=MONTH)
    assert docker_harness.servers == ()


@pytest.mark.usefixtures("libfaketime")
def test_a_library_for_a_newer_libc_is_found_out(process_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old generation runs with its own libc; what cannot be loaded is not tried with a server."""
    built("forky")
    monkeypatch.setattr(faked, "_LIBRARIES", (__file__,))

    with pytest.raises(NginxLacksFeature, match=r"cannot load .*test_clock\.py, which clock= needs: .*LD_PRELOAD"):
        process_harness.nginx(nginx="forky", clock=MONTH)


def test_a_machine_without_libfaketime_is_told_where_to_get_it(
    process_harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a package of its own."""
    built("forky")
    monkeypatch.setattr(faked, "_LIBRARIES", ())

    with pytest.raises(EngineLacksFeature, match=r"needs libfaketime.*apt-get install libfaketime"):
        process_harness.nginx(nginx="forky", clock=MONTH)


def test_no_clock_asks_for_nothing(process_harness: Harness) -> None:
    """Not even for a library."""
    nginx = process_harness.nginx(clock=timedelta(0))

    assert "FAKETIME" not in nginx.config


def test_a_program_that_is_no_elf_is_not_dynamic(tmp_path: Path) -> None:
    """A script may start an nginx, and there is no telling which."""
    script = tmp_path / "nginx"
    script.write_text("#!/bin/sh\nexec nginx\n")

    assert not faked.is_dynamic(script)
    assert faked.is_dynamic(Path("/proc/self/exe").resolve())
