"""The container engine is stopped, started again, hangs, cuts off what it tells, or has lost an image."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_mtls import EngineUnavailable, Harness, NginxServer, NginxUnavailable, ServerGone
from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.images import ImageArchive, image_from_binary
from pytest_mtls.engines.sources import bundled_binary
from tests.faults.engine_proxy import EngineProxy
from tests.faults.leftovers import Run
from tests.plugin.suite import Suite

T = TypeVar("T")


def _log_has_ended(nginx: NginxServer) -> None:
    running: Any = nginx.running
    wait_until(lambda: running._source.ended, Deadline.after(5), awaited="the log to be cut off")


def test_an_engine_that_is_stopped_is_named_by_whatever_needs_it_and_serves_again_once_it_is_back(
    own_docker: Harness, proxy: EngineProxy
) -> None:
    """Its containers live on, as with the engine's live-restore: so does the server."""
    nginx = own_docker.nginx(verify="off")
    assert nginx.request().accepted

    proxy.cut()

    tried: list[tuple[str, Callable[[], object]]] = [
        ("create a container", lambda: own_docker.nginx()),
        ("inspect the container", nginx.request),
        ("inspect the container", nginx.update),
        ("remove the container .*pytest-mtls sweep", nginx.stop),
    ]
    _log_has_ended(nginx)
    for what, act in tried:
        started = time.monotonic()
        with pytest.raises(EngineUnavailable, match=f"Tried to {what}.*no container engine answers at {proxy.url} any"):
            act()
        assert time.monotonic() - started < 1
    proxy.restore()
    assert own_docker.nginx(verify="off").request().accepted
    nginx.stop()


def test_what_an_engine_did_not_remove_when_it_was_stopped_its_guard_removes_when_it_is_back(
    own_docker: Harness, proxy: EngineProxy, counted: list[Run]
) -> None:
    """Closing says so, and lets go of all else: sockets, threads, the connections to the engine."""
    own_docker.nginx(verify="off")
    own_docker.nginx(verify="on")
    (run,) = counted
    assert len(run.left().containers) == 2
    proxy.cut()
    closing = _in_a_thread(own_docker.close)
    time.sleep(0.3)
    proxy.restore()

    with pytest.raises(EngineUnavailable, match="the guard tries again"):
        closing()

    run.nothing_left()


def test_containers_that_ended_with_their_engine_are_gone(own_docker: Harness, proxy: EngineProxy) -> None:
    """As without live-restore."""
    nginx = own_docker.nginx(verify="off")
    running: Any = nginx.running
    running._api.kill(running._id, "KILL")
    proxy.cut()
    proxy.restore()

    with pytest.raises(ServerGone, match="exit status 137"):
        nginx.request()
    assert own_docker.nginx(verify="off").request().accepted


def test_an_engine_that_stops_answering_costs_one_deadline_and_not_one_for_each_call(
    own_docker: Harness, proxy: EngineProxy
) -> None:
    """From then on it gets as long as one is looked for, until it answers again."""
    nginx = own_docker.nginx(verify="off")
    own_docker.timeout = 1
    proxy.freeze()
    started = time.monotonic()

    with pytest.raises(EngineUnavailable, match=r"Tried to create a container .* did not answer within 1 s"):
        own_docker.nginx()
    with pytest.raises(EngineUnavailable, match=r"did not answer within 2\.5 s"):
        own_docker.nginx()

    assert time.monotonic() - started < 1 + 2.5 + 1
    assert nginx.request().accepted, "nginx itself does not need the engine"
    proxy.restore()
    own_docker.timeout = 4
    assert own_docker.nginx(verify="off").request().accepted


def test_a_log_that_is_cut_off_is_taken_up_where_it_was(own_docker: Harness, proxy: EngineProxy) -> None:
    """Also what nginx wrote while nobody read; nothing comes twice."""
    nginx = own_docker.nginx(verify="optional")
    alice, bob = (own_docker.ca.issue_client(name) for name in ("alice", "bob"))
    before = nginx.request(credential=alice)
    proxy.cut_connections()
    _log_has_ended(nginx)

    after = nginx.request(credential=bob)

    assert [each.variables["ssl_client_s_dn"] for each in (before, after)] == ["CN=alice", "CN=bob"]
    assert len([line for line in nginx.log if "start worker process " in line]) == 1
    assert nginx.update(verify="on").applied
    assert nginx.request().internal_status == 496
    nginx.restart()
    assert nginx.request().internal_status == 496


def test_a_log_that_is_cut_off_during_a_request_does_not_spoil_its_outcome(
    own_docker: Harness, proxy: EngineProxy
) -> None:
    """What the outcome is made of is read from the log as the engine keeps it."""
    with socket.create_server((own_docker.engine.upstream_bind, 0)) as slow:
        slow.settimeout(10)
        url = f"http://{own_docker.engine.upstream_host}:{slow.getsockname()[1]}"
        nginx = own_docker.nginx(verify="optional", upstream=url)
        asking = _in_a_thread(lambda: nginx.request(credential=own_docker.ca.issue_client("alice")))
        taken = slow.accept()[0]
        proxy.cut_connections()
        _log_has_ended(nginx)
        with taken:
            taken.recv(1 << 16)
            taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            outcome = asking()

    assert (outcome.status, outcome.verify) == (204, "SUCCESS")


def test_an_image_that_is_deleted_between_build_and_start_is_loaded_again(own_docker: Harness, tmp_path: Path) -> None:
    """Where it can be had without a registry; else the error names it, and says what can be done."""
    engine: Any = own_docker.engine
    image = _image_of_its_own(tmp_path)
    engine.client.images.load(image.content())
    own_docker.discard(own_docker.nginx(nginx=image.tag))
    assert own_docker.nginx(verify="off").request().accepted
    engine._images["bundled"] = engine._images[image.tag]  # what it knows an image by; nobody else's is deleted here

    engine.client.images.remove(image.tag, force=True)

    assert own_docker.nginx(verify="off").request().accepted
    with pytest.raises(NginxUnavailable, match=f"nginx='{image.tag}': there is no such image here, and pulling"):
        own_docker.nginx(nginx=image.tag)
    assert own_docker.nginx(verify="off").request().accepted


def _image_of_its_own(folder: Path) -> ImageArchive:
    """The bundled nginx under an id that nobody else on this machine uses."""
    binary = folder / "nginx"
    binary.write_bytes(bundled_binary().read_bytes() + os.urandom(16))
    return image_from_binary(binary)


def _in_a_thread(act: Callable[[], T]) -> Callable[[], T]:
    """Begin it; the callable that is returned waits for what becomes of it."""
    pool = ThreadPoolExecutor(1)
    begun = pool.submit(act)

    def end() -> T:
        with pool:
            return begun.result(20)

    return end


def test_a_session_whose_engine_is_stopped_says_so_for_each_test_and_ends_in_order(
    suite: Suite, proxy: EngineProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback of pytest's own; what could not be removed is named in the last lines, and removed later."""
    monkeypatch.setenv("DOCKER_HOST", proxy.url)
    suite.write(
        """
        import pathlib, time, pytest

        def test_before(mtls_nginx):
            assert mtls_nginx.request().internal_status == 496
            pathlib.Path("cut").touch()
            while pathlib.Path("cut").exists():
                time.sleep(0.01)

        def test_during(mtls_nginx_factory): mtls_nginx_factory()
        def test_again(mtls_nginx_factory): mtls_nginx_factory()
        def test_plain(): pathlib.Path("done").touch()
        """
    )
    running = _in_a_thread(lambda: suite.run(None, engine="docker"))
    wait_until((suite.folder / "cut").exists, Deadline.after(20), awaited="the first test to have a server")
    proxy.cut()
    (suite.folder / "cut").unlink()
    wait_until((suite.folder / "done").exists, Deadline.after(20), awaited="the last test")
    time.sleep(0.8)  # for its servers to be stopped, in vain
    proxy.restore()

    result = running()

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["E *EngineUnavailable: Tried to *no container engine answers at*"])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["mtls: left up: Tried to remove the container (the guard tries again*"])
    monkeypatch.delenv("DOCKER_HOST")
    wait_until(lambda: not suite.left_behind(), Deadline.after(1), awaited="the guard to remove them")
