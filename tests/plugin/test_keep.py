"""``--mtls-keep``: servers stay up for a look, are named at the end, and ``sweep`` removes them afterwards."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.api import connect
from pytest_mtls.engines.cleanup import remove_abandoned_folders
from pytest_mtls.engines.docker import remove_abandoned_containers
from tests.plugin.suite import SECONDS, Suite

# pytest in a process that lives on after the session: so long, nobody's sweep may take what the session left.
_LINGER = """
import sys, pytest
print("ENDED", int(pytest.main(sys.argv[1:])), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def _lingering(suite: Suite, *options: str) -> Iterator[str]:
    """Run the suite; gives what pytest printed, with its process still there."""
    output = suite.folder / "output.txt"
    with output.open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-c", _LINGER, *options],
            cwd=suite.folder,
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
        )
    try:
        wait_until(
            lambda: "ENDED" in output.read_text() or process.poll() is not None,
            Deadline.after(SECONDS),
            awaited="the suite to end",
            last_seen=output.read_text,
        )
        yield output.read_text()
    finally:
        process.communicate(timeout=SECONDS)


def _answers(port: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), 5):
        return True
    return False


def _sweep(engine: str) -> None:
    remove_abandoned_folders()
    if engine == "docker":
        client = connect()
        try:
            remove_abandoned_containers(client)
        finally:
            client.close()


def test_what_is_kept_stays_up_is_named_and_can_be_swept(
    suite: Suite, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared and private servers answer at the addresses that the end of the session names, until they are swept."""
    suite.write("""
        def test_it(mtls_nginx, mtls_nginx_factory):
            mtls_nginx_factory(verify="off")
            print(f"shared={mtls_nginx.port}")
            assert False
    """)

    with _lingering(suite, "--mtls-engine", engine, "--mtls-keep") as said:
        assert "ENDED 1" in said
        ports = re.findall(r"mtls: left up: .*localhost:(\d+)", said)
        assert len(ports) == 2
        assert re.findall(r"shared=(\d+)", said)[-1] in ports
        assert all(map(_answers, ports))
        _sweep(engine)
        assert all(map(_answers, ports)), "their run is still there"

    # A sweep looks in the temporary folder: here, the suite's.
    monkeypatch.setattr("tempfile.tempdir", str(suite.temporary))
    _sweep(engine)

    # Killed and gone are not the same moment.
    wait_until(
        lambda: not any(map(_answers, ports)) and not suite.left_behind(),
        Deadline.after(10),
        awaited="what was swept to be gone",
        last_seen=lambda: repr(suite.left_behind()),
    )


def test_it_may_be_a_setting(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mtls_keep`` keeps as the option does."""
    suite.settings("mtls_keep = true")

    result = suite.run("def test_it(mtls_nginx): ...")

    assert len(re.findall(r"mtls: left up: .*localhost:\d+", result.stdout.str())) == 1
    assert len(suite.left_behind()) == 2, "a folder, and an nginx"
    monkeypatch.setattr("tempfile.tempdir", str(suite.temporary))
    _sweep("process")


def test_without_it_nothing_stays(suite: Suite) -> None:
    """The end of an ordinary session names no server, and there is none."""
    result = suite.run("def test_it(mtls_nginx): ...")

    result.assert_outcomes(passed=1)
    assert "left up" not in result.stdout.str()
    assert suite.left_behind() == []
