"""``pytest-mtls demo``: the example runs, and the measured table says what the legend says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls.commands.demo import SUITE
from pytest_mtls.deadline import Deadline, wait_until
from tests.commands.conftest import Served

MODES = ("off", "on", "optional", "optional_no_ca")


def demo(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it elsewhere, where a broken configuration of pytest lies about."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest_mtls", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "PYTEST_ADDOPTS": "--no-such-option", **environment},
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``demo --json`` prints."""
    done = demo("--json", folder=tmp_path_factory.mktemp("demo"))
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_a_stranger_sees_the_suite_and_the_table(tmp_path: Path) -> None:
    """Pytest's own output, then a table of 80 columns, in colour where that is asked for, in well under ten seconds."""
    began = time.monotonic()
    done = demo(folder=tmp_path, FORCE_COLOR="1", NO_COLOR="")
    plain = re.sub(r"\033\[[\d;]*m", "", done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 10
    assert re.search(r"=+ \d+ passed in", plain)
    table = plain.partition("2. What nginx does")[2]
    assert max(map(len, table.splitlines())) <= 80
    assert re.search(r"^credential +off +on +optional +optional_no_ca$", table, re.M)
    assert re.search(r"^expired +200 NONE +400 \(495\) +400 \(495\) +400 \(495\)$", table, re.M)
    assert re.search(r"^wrong-key +200 NONE +TLS alert +TLS alert +TLS alert$", table, re.M)
    assert "\033[32m200 SUCCESS\033[0m" in done.stdout
    assert "\033[32mPASSED" in done.stdout


def test_the_table_is_measured_for_a_dozen_credentials_in_every_mode(measured: dict[str, Any]) -> None:
    """Twelve states at least, each in four modes."""
    credentials = {each["credential"] for each in measured["measurements"]}
    modes = {each["verify_mode"] for each in measured["measurements"]}

    assert measured["suite_passed"]
    assert len(credentials) >= 12
    assert set(MODES) == modes


def test_what_the_legend_says_is_what_was_measured(measured: dict[str, Any]) -> None:
    """Every sentence below the table holds for the numbers in it."""
    seen = {(each["credential"], each["crl"], each["verify_mode"]): each for each in measured["measurements"]}

    assert {(each["accepted"], each["verify"]) for key, each in seen.items() if key[2] == "off"} == {(True, "NONE")}
    assert {key[0] for key, each in seen.items() if each["layer"] == "tls"} == {"wrong-key"}
    accepted = {mode: {key[0] for key, each in seen.items() if key[2] == mode and each["accepted"]} for mode in MODES}
    assert accepted["optional"] - accepted["on"] == {"none"}
    assert seen["unknown-ca", False, "optional_no_ca"]["accepted"]
    assert seen["unknown-ca", False, "optional_no_ca"]["verify"].startswith("FAILED:")
    assert seen["revoked", False, "on"]["verify"] == "SUCCESS"
    assert seen["revoked", True, "on"]["reason"] == "certificate_revoked"


def test_ctrl_c_ends_it_and_nothing_stays(start: Callable[..., Served]) -> None:
    """Interrupted in the middle of the suite it ends with 130, and takes the suite along."""
    served = start("demo")
    served.wait_for(lambda out: "PASSED" in out or "collected" in out, "the suite to run")

    assert served.end(signal.SIGINT) == 130
    wait_until(lambda: not served.left(), Deadline.after(3), awaited="all to go", last_seen=lambda: str(served.left()))
    assert "Traceback" not in served.err


def test_the_example_to_copy_is_the_suite_that_the_demo_runs() -> None:
    """examples/quickstart and the file in the wheel are the same, so what is shown is what is copied."""
    example = Path(__file__).parents[2] / "examples" / "quickstart" / "test_quickstart.py"

    assert example.read_text() == SUITE.read_text()
