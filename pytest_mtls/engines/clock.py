"""An nginx whose clock is not this machine's: libfaketime, loaded before it."""

from __future__ import annotations

import glob
import os
import struct
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.sources import Program
from pytest_mtls.errors import EngineLacksFeature, NginxLacksFeature
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import ServerSpec

_LIBRARIES: Final = tuple(
    f"{folder}/faketime/libfaketime.so.1"
    for folder in ("/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/lib", "/usr/local/lib")
)
_SHARED: Final = "/dev/shm"
_PT_INTERP: Final = 3


def clock_of(specs: Sequence[ServerSpec]) -> timedelta:
    """How far the clock of an nginx for these servers is ahead. One with a clock of its own shares with nobody."""
    return specs[0].clock


def refuse_clock(specs: Sequence[ServerSpec], engine: str) -> None:
    """Stop where this engine cannot shift a clock.

    Raises:
        EngineLacksFeature: it is asked to.
    """
    if clock_of(specs):
        raise EngineLacksFeature(
            f"The engine {engine} cannot shift a clock: containers share the machine's. clock= needs nginx as a plain "
            "process"
        )


def clock_environment(program: Program, build: NginxBuild, clock: timedelta, deadline: Deadline) -> Mapping[str, str]:
    """What a program finds in its environment so that its clock is ahead; nothing where it is not to be.

    Only the time of day is shifted: nginx measures its timeouts by the monotonic clock.

    Raises:
        NginxLacksFeature: this nginx loads no libraries, or cannot load this machine's libfaketime.
        EngineLacksFeature: there is no libfaketime.
    """
    if not clock:
        return {}
    if not is_dynamic(program.binary):
        raise NginxLacksFeature(f"{build} is linked statically, so its clock cannot be shifted, which clock= needs")
    library = find_library()
    if library is None:
        raise EngineLacksFeature(
            "clock= needs libfaketime, which is not on this machine (Debian: `apt-get install libfaketime`)"
        )
    environment = {
        "LD_PRELOAD": " ".join(filter(None, (library, os.environ.get("LD_PRELOAD")))),
        "FAKETIME": f"{clock.total_seconds():+f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    if objection := _objection(program, environment, deadline):
        raise NginxLacksFeature(f"{build} cannot load {library}, which clock= needs: {objection}")
    return environment


def _objection(program: Program, environment: Mapping[str, str], deadline: Deadline) -> str | None:
    """What a program has against that environment; ``None`` where it runs."""
    try:
        tried = subprocess.run(
            [*program.command, "-v"],
            capture_output=True,
            text=True,
            errors="replace",
            env={**program.environment, **environment},
            timeout=max(deadline.remaining, 0.1),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if tried.returncode == 0 and "LD_PRELOAD" not in tried.stderr:
        return None
    return next(iter(tried.stderr.strip().splitlines()), f"exit status {tried.returncode}")


def find_library() -> str | None:
    """The file of this machine's libfaketime, where distributions put it."""
    return next((path for pattern in _LIBRARIES for path in glob.glob(pattern)), None)


def shared_memory(pid: int) -> tuple[Path, ...]:
    """What libfaketime leaves behind of a process that was killed."""
    return tuple(Path(_SHARED, name) for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"))


def is_dynamic(binary: Path) -> bool:
    """Whether a program names a loader (ELF, ``PT_INTERP``) and so takes ``LD_PRELOAD``. 64-bit ELF only."""
    with binary.open("rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            return False
        order = "<" if head[5] == 1 else ">"
        offset = struct.unpack_from(f"{order}Q", head, 32)[0]
        size, count = struct.unpack_from(f"{order}HH", head, 54)
        file.seek(offset)
        table = file.read(size * count)
    return any(struct.unpack_from(f"{order}I", table, size * each)[0] == _PT_INTERP for each in range(count))
