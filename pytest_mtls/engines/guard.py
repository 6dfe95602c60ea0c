"""Removes what its owner left when the owner is gone, however it went: this file runs as a process of its own.

Standard library only and nothing of this package, so that it starts in a few milliseconds: ``python -I -S guard.py
PID``. It lives in a session of its own, so that a signal to the owner's process group does not reach it, and blocks on
two things at once: a pipe from the owner, for which end of file means gone, and a pidfd of the owner, because a forked
child of the owner may hold the pipe open for ever.

The owner writes one line of JSON for each thing: ``["folder", path]``, ``["process", pid, start_time]``,
``["containers", base_url, label]``, ``["forget", kind, key]`` when it has removed that itself, and
``["forget", "everything"]`` when all shall stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable

_ENGINE_DEADLINE = 20.0
_ENGINE_PAUSE = 0.2


def start_time(pid: int) -> str | None:
    """When that process started, in clock ticks since boot: tells it from a later one with the same number."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return None


def kill_group(pid: int, started: str | None) -> None:
    """Kill the process group that ``pid`` leads, if it is still that process; the group outlives its leader."""
    seen = start_time(pid)
    if seen is None or started is None or seen == started:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def masters_of(folder: str) -> list[int]:
    """nginx masters that were started with ``folder`` as their prefix."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as cmdline:
                if folder.encode() in cmdline.read() and int(name) != os.getpid():
                    found.append(int(name))
    return found


def remove_folder(folder: str) -> None:
    """Kill the nginx that still uses a folder, and remove it with the keys in it."""
    for pid in masters_of(folder):
        if os.getpgid(pid) == pid:
            kill_group(pid, start_time(pid))
    import shutil

    with contextlib.suppress(OSError):
        os.unlink(folder)  # where it is a file: what libfaketime leaves in /dev/shm
    shutil.rmtree(folder, ignore_errors=True)


def _call(path: str, method: str, target: str) -> bytes:
    import http.client
    import socket

    class UnixConnection(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(_ENGINE_DEADLINE)
            self.sock.connect(path)

    connection = UnixConnection("localhost")
    try:
        connection.request(method, target)
        return connection.getresponse().read()
    finally:
        connection.close()


def remove_containers(base_url: str, label: str) -> None:
    """Remove every container with that label, at once."""
    if not base_url.startswith("unix://"):
        _remove_with_sdk(label)
        return
    from urllib.parse import quote

    path = base_url.removeprefix("unix://")
    filters = quote(json.dumps({"label": [label]}))
    found = json.loads(_call(path, "GET", f"/containers/json?all=1&filters={filters}"))
    targets = [f"/containers/{each['Id']}?force=1&v=1" for each in found]
    _all_at_once(lambda target: _call(path, "DELETE", target), targets)


def _remove_with_sdk(label: str) -> None:
    import site

    site.main()  # this process was started without it
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

    # This costs 200 ms, and only engines reached otherwise than by a local socket need it.
    from pytest_mtls.engines.api import connect

    with contextlib.closing(connect()) as client:
        client.api.timeout = _ENGINE_DEADLINE
        found = client.api.containers(all=True, quiet=True, filters={"label": label})
        names = [each["Id"] for each in found]
        _all_at_once(lambda name: client.api.remove_container(name, force=True, v=True), names)


def _all_at_once(act: Callable[[str], object], names: list[str]) -> None:
    import threading

    failures: list[Exception] = []

    def noting(name: str) -> None:
        try:
            act(name)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=noting, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_ENGINE_DEADLINE)
    if failures:
        raise failures[0]


def _read_until_owner_is_gone(owner: int | None) -> list[list[object]]:
    """Collect what the owner announces; returns when it is gone. ``owner`` is a pidfd."""
    entries: list[list[object]] = []
    rest = b""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    if owner is not None:
        poll.register(owner, select.POLLIN)
    while True:
        ready = [fd for fd, _ in poll.poll()]
        data = os.read(0, 65536) if 0 in ready else b""
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            entry = json.loads(line)
            if entry == ["forget", "everything"]:
                entries = []
            elif entry[0] == "forget":
                entries = [kept for kept in entries if kept[:2] != entry[1:]]
            else:
                entries.append(entry)
        if not data:
            return entries


def _patiently(remove: Callable[..., None], *arguments: object) -> None:
    """Try until it works: an engine that is being started anew still has what it had."""
    deadline = time.monotonic() + _ENGINE_DEADLINE
    while True:
        try:
            return remove(*arguments)
        except Exception:
            if time.monotonic() > deadline:
                return None
            time.sleep(_ENGINE_PAUSE)


def _has_died(owner: int | None) -> bool:
    return owner is not None and bool(select.select([owner], [], [], 0)[0])


def main() -> None:
    """Wait for the owner's end, then remove what it announced and did not remove."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    owner = None
    with contextlib.suppress(OSError):
        owner = os.pidfd_open(int(sys.argv[1]))
    entries = _read_until_owner_is_gone(owner)
    # Processes first: a folder is only gone for good once nothing writes into it.
    removers: dict[str, Callable[..., None]] = {"process": kill_group, "folder": remove_folder}
    for kind, remove in removers.items():
        for entry in entries:
            if entry[0] == kind:
                with contextlib.suppress(Exception):
                    remove(*entry[1:])
    containers = [entry[1:] for entry in entries if entry[0] == "containers"]
    for each in containers:
        _patiently(remove_containers, *each)
    if containers and _has_died(owner):
        # A container that it asked for as it died may have come into being since.
        time.sleep(_ENGINE_PAUSE)
        for each in containers:
            _patiently(remove_containers, *each)


if __name__ == "__main__":
    main()
