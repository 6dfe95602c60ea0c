"""Debian's packages, verified and unpacked: no maintainer script is run, nothing of this machine is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pytest_mtls.errors import NginxUnavailable
from pytest_mtls.generations.mirror import find_mirror
from pytest_mtls.generations.table import Generation

NO_INSTALL: Final = "PYTEST_MTLS_NO_INSTALL"
"""Environment variable: where it is set, nothing is installed on this machine."""

_SECONDS: Final = 300
_SHOWN_LINES: Final = 8
_INSTALLING: Final = threading.Lock()
_NEEDED: Final = ("base-files", "libnginx-mod-stream")
"""From trixie on only ``base-files`` brings the link at which the loader is looked for."""


@contextmanager
def unpacked(generation: Generation, beside: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """A folder with that generation's nginx and everything it depends on, for as long as the context lasts.

    Args:
        generation: which.
        beside: the entry of the cache that this is for: should this process be killed, the next build of it clears away
            what is left.
        say: told what takes long.

    Raises:
        NginxUnavailable: mmdebstrap is not here, or could not get the packages.
    """
    with _INSTALLING:
        _ensure_mmdebstrap(say)
    mirror = find_mirror()
    with TemporaryDirectory(prefix=f".{beside.name}.", suffix=".tmp", dir=beside.parent) as name:
        tree, archive = Path(name) / "root", Path(name) / "root.tar"
        # Without root, the files that mmdebstrap makes belong to users that are not this one: an archive does not.
        own_files = os.geteuid() == 0
        _run(
            f"get the packages of {generation.suite}",
            "mmdebstrap",
            "--quiet",
            "--variant=extract",
            f"--include={','.join((generation.package, *_NEEDED))}",
            # An old release's index runs out some day. Its signature is checked all the same.
            '--aptopt=Acquire::Check-Valid-Until "false";',
            *(f"--aptopt={option}" for option in mirror.options),
            generation.suite,
            str(tree if own_files else archive),
            *mirror.sources(generation.suite),
        )
        if not own_files:
            tree.mkdir()
            _run("unpack them", "tar", "-x", "--exclude=./dev", f"--file={archive}", f"--directory={tree}")
        yield tree


def _ensure_mmdebstrap(say: Callable[[str], None]) -> None:
    if shutil.which("mmdebstrap"):
        return
    advice = (
        "Building nginx from Debian's packages needs mmdebstrap, which is not here. Install it with "
        "`apt-get install mmdebstrap`, or use the bundled nginx, a binary of your own, or an image."
    )
    if os.environ.get(NO_INSTALL):
        raise NginxUnavailable(f"{advice} {NO_INSTALL} is set, so it was not installed by itself.")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NginxUnavailable(advice)
    say(f"installing mmdebstrap (once; {NO_INSTALL}=1 forbids it) ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ("apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=60", "mmdebstrap")
    for command in (install, ("apt-get", "update"), install):
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            timeout=_SECONDS,
            check=False,
        )
        if shutil.which("mmdebstrap"):
            return
    raise NginxUnavailable(f"{advice} Doing so failed:\n{_end(done.stderr)}")


def _run(what: str, *command: str) -> None:
    # Should this process be killed, a build is not to go on for nobody (prctl, PR_SET_PDEATHSIG).
    tied = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()
    try:
        done = subprocess.run(
            (*tied, *command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NginxUnavailable(f"Tried to {what}, and {command[0]} failed: {error}.") from error
    if done.returncode != 0:
        raise NginxUnavailable(
            f"Tried to {what}, and {command[0]} said:\n{_end(done.stderr)}\n"
            "Check that this machine's apt reaches its mirror (`apt-get update`)"
            f"{'' if os.geteuid() == 0 else '; without root, mmdebstrap also needs user namespaces (package uidmap)'}."
        )


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_SHOWN_LINES:]) or "nothing"
