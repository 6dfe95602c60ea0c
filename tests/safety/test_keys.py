"""A private key is in its own file, for its owner, as long as it is needed, and nowhere else."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import open_harness
from pytest_mtls import Harness, Verbatim
from pytest_mtls.pki import keys
from tests.plugin.suite import SECONDS

SOURCE = "test_it.py"

SCALAR = int.from_bytes(b"\x2a" + bytes(range(100, 131)), "big")
"""The secret of the marked key: thirty-two bytes that nobody has by chance."""

SUITE = """
import logging, pathlib, subprocess, sys, os, time
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_mtls import Ocsp, TlsUpstream, Verbatim

@pytest.fixture
def marked(mtls_ca):
    from pytest_mtls.pki.pem import load_private_key
    return mtls_ca.issue_client("marked", private_key=load_private_key(pathlib.Path("own.secret")))

@pytest.fixture
def ticket():
    return pathlib.Path("ticket.secret")

def test_assertion_on_an_outcome(mtls_nginx, marked):
    logging.getLogger().warning("%r %s", marked, marked)
    print(repr(marked), mtls_nginx, mtls_nginx.spec)
    outcome = mtls_nginx.request(credential=marked)
    assert not outcome.accepted, outcome.explain()

def test_two_credentials_compared(marked, mtls_ca):
    other = mtls_ca.issue_client("other")
    assert marked == other

def test_two_specs_compared(mtls_nginx_factory, marked, ticket):
    one = mtls_nginx_factory(server=marked, session_ticket_key=ticket)
    two = mtls_nginx_factory(verify="off")
    assert one.spec == two.spec

def test_files_compared(mtls_nginx_factory, marked):
    one, two = mtls_nginx_factory(server=marked), mtls_nginx_factory()
    assert one.running.bundle == two.running.bundle

def test_refused_start(mtls_nginx_factory, marked, ticket):
    mtls_nginx_factory(server=marked, directives="nothing on;", session_ticket_key=ticket)

def test_refused_start_with_the_key_in_the_wrong_place(mtls_nginx_factory, marked):
    mtls_nginx_factory(server=(Verbatim(marked.private_key_pem), Verbatim(marked.private_key_pem)))

def test_refused_reload(mtls_nginx_factory, marked):
    mtls_nginx_factory().update(server=marked, directives="nothing on;")

def test_wrong_argument(mtls_nginx_factory, marked):
    mtls_nginx_factory(server=marked.private_key_pem)

def test_wrong_pem(mtls_nginx_factory, marked):
    mtls_nginx_factory(client_ca=marked.private_key_pem)

def test_wrong_der(mtls_nginx_factory, marked):
    mtls_nginx_factory(client_ca=marked.private_key_der)

def test_wrong_ticket_key(mtls_nginx_factory, ticket):
    mtls_nginx_factory(session_ticket_key="long.secret")

def test_mismatch(mtls_nginx_factory, marked, mtls_ca):
    mtls_nginx_factory(server=mtls_ca.issue_server("a.test").with_private_key(marked))

def test_upstream(mtls_nginx_factory, marked):
    behind = mtls_nginx_factory()
    front = mtls_nginx_factory(upstream=TlsUpstream(behind, credential=marked))
    assert not front.request(credential=marked).accepted

def test_clients(mtls_nginx, marked, tmp_path):
    command = mtls_nginx.curl(marked, folder=str(tmp_path / "certs"))
    for _ in range(3):
        subprocess.run(command, capture_output=True)
    mtls_nginx.requests_session(marked).get(mtls_nginx.url + "/nothing", timeout=5).raise_for_status()
    mtls_nginx.httpx_client(marked, nothing=True)

def test_export(mtls_nginx, marked, tmp_path):
    mtls_nginx.request(credential=marked)
    made = mtls_nginx.export_to(tmp_path / "exported")
    assert made is None

def test_written(marked, tmp_path):
    files = marked.write_to(tmp_path / "written")
    assert files is None

def test_in_the_middle(mtls_nginx, marked):
    mtls_nginx.request(credential=marked)
    time.sleep(0.3)
    mtls_nginx.request(path="a b", credential=marked)

@pytest.mark.parametrize("mode", ["on"])
def test_session_kept(mtls_nginx_factory, marked, mode):
    with mtls_nginx_factory(verify=mode).connect(credential=marked) as connection:
        raise RuntimeError(repr(connection.outcome))
"""
TICKET = bytes(range(33, 81))


def _marks() -> dict[str, bytes]:
    """What would give the marked key away, in the forms that programs print bytes and numbers in."""
    key = ec.derive_private_key(SCALAR, ec.SECP256R1())
    secret = SCALAR.to_bytes(32, "big")
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).splitlines()
    traditional = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).splitlines()
    return {
        "bytes": secret[:12],
        "as repr": repr(secret[:12])[2:-1].encode(),
        "hexadecimal": secret.hex().encode()[:24],
        "upper case": secret.hex().upper().encode()[:24],
        "number": str(SCALAR).encode()[:24],
        "first line of the PEM": pem[1][40:64],
        "second line of the PEM": pem[2][:24],
        "first line of the old PEM": traditional[1][:24],
        "any key": b"PRIVATE KEY-----",
        "ticket key": TICKET[:16],
        "ticket key as repr": repr(TICKET[:16])[2:-1].encode(),
        "ticket key in base64": base64.b64encode(TICKET)[:20],
    }


MARKS = _marks()


def found_in(content: bytes) -> set[str]:
    """The forms in which a key is there."""
    return {form for form, mark in MARKS.items() if mark in content}


@dataclass
class Run:
    """One run of the suite, and what was seen of it from outside.

    Attributes:
        folder: where it ran, with its reports.
        temporary: its TMPDIR.
        printed: all that it printed.
        left: files below both, by their content, once it had ended.
        leaks: processes that had a key among their arguments or in their environment.
        open_files: keys on the disk that others could read, while it ran.
        watched: how many processes, and how many files with keys, were looked at.
    """

    folder: Path
    temporary: Path
    printed: bytes = b""
    left: dict[Path, bytes] = field(default_factory=dict)
    leaks: set[str] = field(default_factory=set)
    open_files: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)

    def look(self, first: int) -> None:
        """Look at every process that descends from it, and at every file there is at this moment."""
        for process in _family(first, b"TMPDIR=" + bytes(self.temporary)):
            with contextlib.suppress(OSError):
                for name in ("cmdline", "environ"):
                    self.watched.add(f"{name} of {(process / 'comm').read_text().strip()}")
                    if forms := found_in((process / name).read_bytes()):
                        self.leaks.add(f"{name} of {(process / 'comm').read_text().strip()}: {forms}")
        for path in self._files():
            with contextlib.suppress(OSError):
                if found_in(path.read_bytes()):
                    self.watched.add("a key")
                    if path.stat().st_mode & 0o077:
                        self.open_files.add(f"{path}: {path.stat().st_mode:o}")

    def end(self) -> None:
        """Note what is there now."""
        self.left = {path: path.read_bytes() for path in self._files()}

    def _files(self) -> list[Path]:
        # Folders come and go meanwhile, which os.walk does not mind.
        walked = [*os.walk(self.temporary), *os.walk(self.folder)]
        every = [Path(folder, name) for folder, _, names in walked for name in names]
        return [path for path in every if path.is_file() and path.suffix != ".secret"]


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _family(first: int, mark: bytes) -> Iterator[Path]:
    """Processes with that mark in their environment, all that descend from the first, and every nginx."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            in_a_container = (process / "comm").read_text() == "nginx\n"
            if in_a_container or mark in (process / "environ").read_bytes():
                yield process
    for pid in parents:
        above = pid
        while above in parents and above != first:
            above = parents[above]
        if above == first:
            yield Path(f"/proc/{pid}")


def run(folder: Path, engine: str, *options: str) -> Run:
    """Run the suite, and watch it."""
    seen = Run(folder, Path(tempfile.mkdtemp(prefix="keys-")))
    (folder / SOURCE).write_text(SUITE)
    _write_secret(folder / "own.secret", keys.private_key_pem(ec.derive_private_key(SCALAR, ec.SECP256R1())))
    _write_secret(folder / "ticket.secret", TICKET)
    _write_secret(folder / "long.secret", TICKET + b"x")
    arguments = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        f"--mtls-engine={engine}",
        f"--basetemp={seen.temporary}/b",
    ]
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "pytest", "-c", os.devnull, "--rootdir=.", *arguments, *options, SOURCE],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(seen.temporary), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            seen.look(process.pid)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        seen.printed = process.communicate(timeout=2 * SECONDS)[0]
    finally:
        ended.set()
        watching.join(20)
        process.kill()
    seen.end()
    shutil.rmtree(seen.temporary)
    return seen


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.long)])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run in which nearly every test fails, and pytest says all that it can say."""
    open_harness(request.param, request.config).close()
    report = {"process": "report.html", "docker": "report.json"}[request.param]
    noisy = ["-vv", "--showlocals", "-rA", "-o", "log_cli=true", "--log-cli-level=DEBUG"]
    return run(
        tmp_path_factory.mktemp("keys"),
        request.param,
        *noisy,
        f"--mtls-report={report}",
        "--junitxml=junit.xml",
        "--log-file=log.txt",
        "--log-file-level=DEBUG",
    )


def test_the_suite_failed_as_it_was_meant_to(seen: Run) -> None:
    """And left all its reports: otherwise nothing below was looked at."""
    said = seen.printed.decode()
    assert re.search(r"^=+ 18 failed in ", said, re.M), said[-2000:]
    assert {path.name for path in seen.left} >= {"junit.xml", "log.txt"}
    assert {f"{name} of nginx" for name in ("cmdline", "environ")} <= seen.watched


def test_what_would_be_found() -> None:
    """Each form is one that a program would print; otherwise nothing below could fail."""
    key = ec.derive_private_key(SCALAR, ec.SECP256R1())
    pem = keys.private_key_pem(key)

    assert {"first line of the PEM", "second line of the PEM", "any key"} <= found_in(pem)
    assert {"bytes", "as repr"} <= found_in(keys.private_key_der(key) + repr(keys.private_key_der(key)).encode())
    assert "number" in found_in(repr(key.private_numbers().private_value).encode())
    assert "ticket key as repr" in found_in(repr(TICKET).encode())


def test_nothing_that_is_printed_has_a_key(seen: Run) -> None:
    """Assertions, tracebacks with local variables, sections of logs and configuration, the summary."""
    assert found_in(seen.printed) == set(), _lines(seen.printed)


def test_no_report_has_a_key(seen: Run) -> None:
    """HTML, JSON, JUnit's XML, the log file."""
    reports = {path: found_in(content) for path, content in seen.left.items() if path.parent == seen.folder}

    assert reports
    assert {path: forms for path, forms in reports.items() if forms} == {}


def test_no_process_has_a_key_among_its_arguments_or_in_its_environment(seen: Run) -> None:
    """Seen ten times a second while it ran."""
    assert seen.leaks == set()


def test_keys_on_the_disk_are_their_owner_s(seen: Run) -> None:
    """From the first moment."""
    assert "a key" in seen.watched
    assert seen.open_files == set()


def test_a_key_beside_its_certificate_is_a_secret_too(process_harness: Harness) -> None:
    """nginx takes both from one file."""
    credential = process_harness.ca.issue_server("localhost")
    server = process_harness.nginx(server=Verbatim(credential.chain_pem + credential.private_key_pem))

    bundle = server.running.bundle
    assert {name: file.secret for name, file in bundle.files.items() if found_in(file.content)} == {
        "server-0/certificate.pem": True,
        "server-0/key.pem": True,
    }


def test_keys_are_gone_at_the_end(seen: Run) -> None:
    """But for those that the suite wrote itself."""
    asked_for = ("certs", "written", "exported")
    left = [path for path, content in seen.left.items() if found_in(content) and not set(asked_for) & set(path.parts)]

    assert left == []


def _lines(printed: bytes) -> str:
    """The lines that have a key, without it, for whoever mends it."""
    lines = printed.decode(errors="replace").splitlines()
    return "\n".join(
        f"{n}: {found_in(line.encode())} {line[:60]}" for n, line in enumerate(lines) if found_in(line.encode())
    )
