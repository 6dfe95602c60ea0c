"""A server that dies is an error that names the cause; the next one is sound."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import EngineUnavailable, Harness, NginxServer, Outcome, ServerGone
from pytest_mtls.engines.cleanup import FOLDER_PREFIX, Owner, abandoned_folders, remove_abandoned_folders


def _kill(server: NginxServer, harness: Harness) -> None:
    running: Any = server.running
    if harness.engine.name == "docker":
        running._api.kill(running._id, "KILL")
        running._api.wait(running._id, timeout=10)
    else:
        os.killpg(running._process.pid, signal.SIGKILL)
        running._process.wait(10)


def _worker(server: NginxServer, harness: Harness) -> int:
    """The number that this machine knows its worker by."""
    running: Any = server.running
    if harness.engine.name == "docker":
        processes = running._api.top(running._id, ps_args="-eo pid,cmd")["Processes"]
        workers = [int(pid) for pid, *command in processes if "worker" in " ".join(command)]
    else:
        workers = list(running.journal.workers)
    return workers[0]


@pytest.fixture
def never_answering(own: Harness) -> Iterator[socket.socket]:
    """An upstream that takes a request, and then the test may do something to nginx."""
    with socket.create_server((own.engine.upstream_bind, 0)) as listening:
        listening.settimeout(10)
        yield listening


class Asking:
    """A request that is under way: nginx has passed it on, and waits."""

    def __init__(self, nginx: NginxServer, upstream: socket.socket) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._request = self._pool.submit(nginx.request, timeout=8)
        self._taken = upstream.accept()[0]

    def result(self) -> Outcome:
        """What became of it."""
        with self._pool, self._taken:
            return self._request.result(10)


def test_asking_a_dead_nginx_is_an_error(own: Harness) -> None:
    """And so is reloading it; stopping it is not."""
    nginx = own.nginx()
    _kill(nginx, own)

    with pytest.raises(ServerGone, match="died"):
        nginx.request(timeout=2)
    with pytest.raises(ServerGone, match="not running any more"):
        nginx.update()
    nginx.stop()
    assert own.nginx(verify="off").request().accepted


def test_an_nginx_that_is_killed_during_a_request_is_an_error_and_not_an_outcome(
    own: Harness, never_answering: socket.socket
) -> None:
    """A connection that ends without an answer would be one, were nginx alive."""
    nginx = own.nginx(verify="off", upstream=_url(never_answering, own))
    asking = Asking(nginx, never_answering)

    _kill(nginx, own)

    with pytest.raises(ServerGone, match=r"nginx has died meanwhile \((killed by SIGKILL|exit status 137)\)"):
        asking.result()
    assert own.nginx(verify="off").request().accepted


def test_an_nginx_that_is_killed_after_a_request_is_an_error_of_the_next_one(own: Harness) -> None:
    """Also over a connection that is held; what it answered before stands."""
    nginx = own.nginx(verify="off")
    with nginx.connect() as connection:
        assert connection.request().accepted

        _kill(nginx, own)

        with pytest.raises(ServerGone, match=r"died meanwhile \((killed by SIGKILL|exit status 137)\)"):
            connection.request(timeout=2)
    with pytest.raises(ServerGone, match="died"):
        nginx.request(timeout=2)
    assert own.nginx(verify="off").request().accepted


def test_a_crashed_worker_is_replaced_and_the_answer_is_an_outcome(own: Harness) -> None:
    """nginx starts another one; the next request is sound."""
    nginx = own.nginx(verify="off")
    os.kill(_worker(nginx, own), signal.SIGSEGV)

    deadline = time.monotonic() + 5
    while not any("exited on signal 11" in line for line in nginx.log) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert nginx.request().accepted


def test_a_worker_that_crashes_over_a_request_is_named_in_its_outcome(
    own: Harness, never_answering: socket.socket
) -> None:
    """nginx lives, so it is an outcome: without an answer, and with the line that says why."""
    nginx = own.nginx(verify="off", upstream=_url(never_answering, own))
    asking = Asking(nginx, never_answering)

    os.kill(_worker(nginx, own), signal.SIGSEGV)

    outcome = asking.result()
    assert (outcome.accepted, outcome.status) == (False, None)
    assert "exited on signal 11" in outcome.explain()
    nginx.update(upstream=None)
    assert nginx.request().accepted


def _url(upstream: socket.socket, harness: Harness) -> str:
    return f"http://{harness.engine.upstream_host}:{upstream.getsockname()[1]}"


def test_a_worker_killed_at_the_container_s_memory_limit_is_named_in_the_outcome(own_docker: Harness) -> None:
    """A request that takes more memory than there is: nginx lives on, and so does the next test."""
    nginx = own_docker.nginx(verify="off", directives="client_max_body_size 0; client_body_buffer_size 64m;")
    _limit_memory(nginx, "12m")

    outcome = nginx.request("/", method="POST", body=bytes(48 << 20))

    assert (outcome.accepted, outcome.status) == (False, None)
    assert "exited on signal 9" in outcome.explain()
    assert nginx.request().accepted


def test_an_nginx_killed_at_the_container_s_memory_limit_says_so(own_docker: Harness) -> None:
    """By a configuration that takes more memory than there is."""
    nginx = own_docker.nginx(verify="off")
    _limit_memory(nginx, "8m")

    with pytest.raises(ServerGone) as caught:
        nginx.update(directives="".join(f"set $v{each} {'x' * 2000};\n" for each in range(4000)))

    with pytest.raises(ServerGone, match="at its memory limit"):
        nginx.request()
    assert "ended while it was told to reload" in str(caught.value)
    assert own_docker.nginx(verify="off").request().accepted


def _limit_memory(server: NginxServer, limit: str) -> None:
    running: Any = server.running
    running._api.update_container(running._id, mem_limit=limit, memswap_limit=limit)


def test_a_container_removed_from_outside_is_gone(own_docker: Harness) -> None:
    """Whoever removed it."""
    nginx = own_docker.nginx()
    running: Any = nginx.running
    running._api.remove_container(running._id, force=True)

    with pytest.raises(ServerGone, match="its container was removed"):
        nginx.request(timeout=2)
    with pytest.raises(ServerGone, match="its container was removed"):
        nginx.update()
    with pytest.raises(ServerGone, match="somebody removed it"):
        nginx.restart()
    own_docker.discard(nginx)
    assert own_docker.nginx(verify="off").request().accepted


def test_an_engine_that_never_answers_is_found_out_in_three_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is an error that says what else there is; for auto see tests/plugin/test_engine_trouble.py."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        started = time.monotonic()
        with pytest.raises(EngineUnavailable, match=r"timed out.*--mtls-engine process"):
            Harness.open("docker")
        assert time.monotonic() - started < 3


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
