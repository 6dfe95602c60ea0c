"""A server that dies is an error that names the cause; the next one is sound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import EngineUnavailable, Harness, NginxServer, ServerGone
from pytest_mtls.engines.cleanup import FOLDER_PREFIX, Owner, abandoned_folders, remove_abandoned_folders


def _kill(server: NginxServer, harness: Harness) -> None:
    running: Any = server.running
    if harness.engine.name == "docker":
        running._api.kill(running._id, "KILL")
        running._api.wait(running._id, timeout=10)
    else:
        os.killpg(running._process.pid, signal.SIGKILL)
        running._process.wait(10)


def test_asking_a_dead_nginx_is_an_error(serve: Any, harness: Harness) -> None:
    """And so is reloading it; stopping it is not."""
    nginx = serve()
    _kill(nginx, harness)

    with pytest.raises(ServerGone, match="died"):
        nginx.request(timeout=2)
    with pytest.raises(ServerGone, match="not running any more"):
        nginx.update()
    nginx.stop()
    assert serve(verify="off").request().accepted


def test_a_crashed_worker_is_replaced_and_the_answer_is_an_outcome(serve: Any, harness: Harness) -> None:
    """nginx starts another one; the next request is sound."""
    nginx = serve(verify="off")
    running: Any = nginx.running
    if harness.engine.name == "docker":
        processes = running._api.top(running._id, ps_args="-eo pid,cmd")["Processes"]
        (worker,) = [int(pid) for pid, *command in processes if "worker" in " ".join(command)]
    else:
        (worker,) = running.journal.workers
    os.kill(worker, signal.SIGSEGV)

    deadline = time.monotonic() + 5
    while not any("exited on signal 11" in line for line in nginx.log) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert nginx.request().accepted


def test_a_container_removed_from_outside_is_gone(docker_harness: Harness) -> None:
    """Whoever removed it."""
    nginx = docker_harness.nginx()
    running: Any = nginx.running
    running._api.remove_container(running._id, force=True)

    with pytest.raises(ServerGone):
        nginx.request(timeout=2)
    docker_harness.discard(nginx)


def test_an_engine_that_never_answers_is_found_out_in_three_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """auto goes on with plain processes, and says why."""
    import socket

    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        started = time.monotonic()
        with Harness.open("auto") as harness:
            assert harness.engine.name == "process"
            assert "timed out" in harness.why
        with pytest.raises(EngineUnavailable, match="--mtls-engine process"):
            Harness.open("docker")
        assert time.monotonic() - started < 6


def test_no_engine_is_found_out_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without importing the SDK."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    code = (
        "import sys, time; t = time.perf_counter()\n"
        "from pytest_mtls.harness import Harness\n"
        "start = time.perf_counter(); harness = Harness.open('auto'); took = time.perf_counter() - start\n"
        "print(harness.engine.name, 'docker' in sys.modules, took < 0.1)\n"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True).stdout

    assert said.split() == ["process", "False", "True"]


def test_what_a_dead_run_left_is_swept_and_a_living_one_s_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Even where the guard was killed too."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, owner in (
        ("dead", Owner(4_000_000, "1", Owner.this_process().boot)),
        ("alive", Owner.this_process()),
        ("elsewhere", Owner(4_000_000, "1", "another machine")),
    ):
        folder = tmp_path / f"{FOLDER_PREFIX}{name}"
        folder.mkdir()
        (folder / "owner.json").write_text(owner.to_text())

    assert [Path(each.name).name for each in abandoned_folders()] == [f"{FOLDER_PREFIX}dead"]
    remove_abandoned_folders()

    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{FOLDER_PREFIX}alive", f"{FOLDER_PREFIX}elsewhere"]
