"""The machine runs out of something: disk, ports, file descriptors; or its clock is set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from pytest_mtls import Harness
from pytest_mtls.engines.clock import find_library
from tests.faults.confined import Confined
from tests.faults.leftovers import Run

SMALL_DISK: Final = 'sh(f"mount -t tmpfs -o size=256k none {temporary}"); os.chdir("/")'


@pytest.fixture
def confined(temporary: Path, counted: list[Run]) -> Iterator[Confined]:
    """A process for one fault, of which nothing may be left a second after its end."""
    process = Confined(temporary)
    counted.append(process.run)
    yield process
    process.run.nothing_left()


def test_a_full_disk_is_named_by_what_needed_it(confined: Confined) -> None:
    """While keys are written, while a server is running, while it is reloaded; once there is room, all is well."""
    fault = """
    def fault(harness):
        running = harness.nginx(verify="off")
        assert running.request().accepted
        filler = temporary / "filler"
        with open(filler, "wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(4096))
        for act in (harness.nginx, running.request, running.update):
            with pytest.raises(WorkspaceUnavailable, match="(No space left on device|is full).*Point TMPDIR"):
                act()
        filler.unlink()
        assert harness.nginx(verify="off").request().accepted
        assert running.update(verify="on").applied
        assert running.request().internal_status == 496
    """
    confined.end_in_order("process", fault, before=SMALL_DISK, namespaces=["--mount"])


def test_a_temporary_folder_that_is_read_only_is_named(confined: Confined) -> None:
    """As after an error of the disk, or in a container that is."""
    fault = """
    def fault(harness):
        harness.discard(harness.nginx())
        sh(f"mount -o remount,ro {temporary}")
        with pytest.raises(WorkspaceUnavailable, match="Read-only file system.*Point TMPDIR at a folder that can be"):
            harness.nginx()
        sh(f"mount -o remount,rw {temporary}")
        assert harness.nginx(verify="off").request().accepted
    """
    confined.end_in_order("process", fault, before=SMALL_DISK, namespaces=["--mount"])


def test_containers_need_no_disk_of_this_machine(docker_harness: Harness, confined: Confined) -> None:
    """Their files are sent to the engine: no folder, full or not, is needed here."""
    del docker_harness  # it is here
    fault = """
    def fault(harness):
        sh(f"mount -o remount,ro {temporary}")
        nginx = harness.nginx(verify="optional")
        assert nginx.request(credential=harness.ca.issue_client("alice")).accepted
        assert nginx.update(verify="on").applied
    """
    confined.end_in_order("docker", fault, before=SMALL_DISK, namespaces=["--mount"])


@pytest.mark.parametrize("ports", [1, 6])
def test_a_machine_without_a_free_port_says_so(confined: Confined, ports: int) -> None:
    """For nginx, and for what stands behind it; once one is free, the next server is sound."""
    fault = """
    def fault(harness):
        started = []
        with pytest.raises(LimitReached, match="no port is free.*ip_local_port_range"):
            while True:
                started.append(harness.nginx(verify="off"))
        for each in started[1:]:
            harness.discard(each)
        sh("echo 40000 40100 > /proc/sys/net/ipv4/ip_local_port_range")
        assert harness.nginx(verify="off").request().accepted
    """
    few = f'sh("ip link set lo up; echo 40000 {40000 + ports - 1} > /proc/sys/net/ipv4/ip_local_port_range")'
    confined.end_in_order("process", fault, before=few, namespaces=["--net"])


def test_the_limit_of_open_files_is_named_and_not_taken_for_a_dead_server(engine: str, confined: Confined) -> None:
    """Starting, asking, and opening a session; what was stopped meanwhile leaves nothing all the same."""
    fault = """
    def fault(harness):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        first = harness.nginx(verify="optional")
        assert first.request().accepted
        open_now = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 12, limit[1]))
        with pytest.raises(LimitReached, match="Too many open files .this process may have [0-9]+.*ulimit -n"):
            while True:
                harness.nginx()
        held = []
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        alice = harness.ca.issue_client("alice")
        for act in (lambda: first.request(credential=alice), first.request, harness.nginx, Harness.open):
            with pytest.raises(LimitReached, match="Too many open files"):
                act()
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        assert first.request(credential=alice).accepted
        assert harness.nginx(verify="off").request().accepted
    """
    confined.end_in_order(engine, fault)


def test_a_clock_that_is_set_while_something_is_awaited_changes_no_deadline(
    engine: str, confined: Confined, tmp_path: Path
) -> None:
    """Forward and back by an hour, as this process sees it: everything is measured by the clock that cannot be set."""
    library = find_library()
    if library is None:
        advice = "no libfaketime here; `apt-get install libfaketime` gets it"
        if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
            pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and there is {advice}", pytrace=False)
        pytest.skip(advice)
    fault = """
    import select, threading
    # Python sleeps until a moment of the monotonic clock, and libfaketime 0.9 calls one that is just over an error.
    time.sleep = lambda seconds: select.select([], [], [], seconds)
    clock = pathlib.Path(os.environ["FAKETIME_TIMESTAMP_FILE"])

    def fault(harness):
        alice = harness.ca.issue_client("alice")
        nginx = harness.nginx(verify="on")
        with socket.create_server((harness.engine.upstream_bind, 0)) as silent:
            slow = harness.nginx(verify="off", upstream=f"http://{harness.engine.upstream_host}:{silent.getsockname()[1]}")
            for hours in (+1, -1):
                begun, before = time.monotonic(), time.time()
                setting = threading.Timer(0.3, clock.write_text, [f"{hours:+d}h"])
                setting.start()
                assert slow.request(timeout=1).ending == "timeout"
                setting.join(5)
                assert 1 <= time.monotonic() - begun < 3
                assert abs(time.time() - before) > 3000
                assert nginx.request(credential=alice).accepted
                assert nginx.update().applied
                assert nginx.request(credential=alice).accepted
                assert harness.nginx(verify="off").request().accepted
                assert time.monotonic() - begun < 8
    """
    clock = tmp_path / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    confined.end_in_order(engine, fault, environment=environment)


def test_many_servers_at_once_are_all_sound_and_all_gone(own: Harness) -> None:
    """Each has a container, or two processes and a folder with a key."""
    _many_at_once(own, 40 if own.engine.name == "process" else 6)


@pytest.mark.long
def test_two_hundred_servers_at_once_are_all_sound_and_all_gone(own: Harness) -> None:
    """The same."""
    _many_at_once(own, 200)


def _many_at_once(harness: Harness, count: int) -> None:
    harness.timeout = 60
    with ThreadPoolExecutor(8) as threads:
        servers = list(threads.map(lambda _: harness.nginx(verify="on"), range(count)))
        outcomes = list(threads.map(lambda server: server.request(), servers))

    assert {outcome.internal_status for outcome in outcomes} == {496}
    assert len({server.port for server in servers}) == count
