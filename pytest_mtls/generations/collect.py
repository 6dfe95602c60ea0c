"""Out of many packages the few files that nginx needs to run: the binary, its loader, its libraries, one module."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.errors import NginxUnavailable

NGINX: Final = "usr/sbin/nginx"
STREAM_MODULE: Final = "usr/lib/nginx/modules/ngx_stream_module.so"
_DATA: Final = ("etc/nginx/mime.types",)
# Loaded by name when nginx looks up a user, so no list of libraries has it; part of libc from glibc 2.34 on.
_LOADED_LATER: Final = ("libnss_files.so.2",)
_LISTED: Final = re.compile(r"^\s*(\S+) => (\S+)", re.M)
_LONGEST_CHAIN: Final = 40
_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Machine:
    """What Debian calls this kind of machine.

    Attributes:
        triplet: the folder of its libraries.
        loader: what runs its binaries; the System V ABI fixes the path.
    """

    triplet: str
    loader: str

    @property
    def libraries(self) -> str:
        """One of the folders in which Debian's loader looks without being told."""
        return f"usr/lib/{self.triplet}"

    @classmethod
    def this(cls) -> Machine:
        """The one this runs on.

        Raises:
            NginxUnavailable: it is neither x86-64 nor 64-bit ARM, or not Linux.
        """
        known = {
            "x86_64": cls("x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2"),
            "aarch64": cls("aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"),
        }
        if platform.system() != "Linux" or platform.machine() not in known:
            raise NginxUnavailable(
                f"Debian's nginx can be had on Linux with x86-64 or 64-bit ARM; this is {platform.system()} with "
                f"{platform.machine()}. Use the bundled nginx, a binary of your own, or an image."
            )
        return known[platform.machine()]


@dataclass(frozen=True, slots=True)
class RootFile:
    """One file of a root file system."""

    content: bytes
    executable: bool

    @property
    def mode(self) -> int:
        """Permissions: what packages say besides does not matter here, and would make a difference between builds."""
        return 0o755 if self.executable else 0o644


def collect(tree: Path, machine: Machine) -> Mapping[str, RootFile]:
    """Path -> file, in order, with every link replaced by what it leads to.

    Raises:
        NginxUnavailable: what should be there is not.
    """
    found = {
        NGINX: RootFile(_read(tree, NGINX), True),
        machine.loader: RootFile(_read(tree, machine.loader), True),
        STREAM_MODULE: RootFile(_read(tree, STREAM_MODULE), False),
        **{name: RootFile(_read(tree, name), False) for name in _DATA},
    }
    for name, path in _libraries(tree, machine).items():
        found[f"{machine.libraries}/{name}"] = RootFile(path.read_bytes(), False)
    return dict(sorted(found.items()))


def _libraries(tree: Path, machine: Machine) -> dict[str, Path]:
    """The libraries of binary and module, as the tree's own loader finds them."""
    folders = [inside(tree, f"{top}/{machine.triplet}") for top in ("lib", "usr/lib")]
    loader = inside(tree, machine.loader)
    found = {}
    for user in (NGINX, STREAM_MODULE):
        listed = subprocess.run(
            [loader, "--library-path", ":".join(map(str, folders)), "--list", inside(tree, user)],
            capture_output=True,
            text=True,
            env={},
            timeout=_SECONDS,
            check=False,
        )
        if listed.returncode != 0 or "not found" in listed.stdout:
            raise NginxUnavailable(f"The packages lack a library of {user}: {listed.stdout}{listed.stderr}")
        for name, path in _LISTED.findall(listed.stdout):
            if "/" not in name:
                if not path.startswith(f"{tree}/"):
                    raise NginxUnavailable(f"The packages lack {name}; {user} would use this machine's {path}.")
                found[name] = inside(tree, path.removeprefix(f"{tree}/"))
    for name in _LOADED_LATER:
        for folder in folders:
            if (path := inside(tree, str((folder / name).relative_to(tree)))).is_file():
                found[name] = path
    return found


def inside(tree: Path, name: str) -> Path:
    """Where a path leads if ``tree`` is the root: a link with an absolute target must not lead to this machine's
    files."""
    waiting, reached = [part for part in reversed(name.split("/")) if part], tree
    for _ in range(_LONGEST_CHAIN * 10):
        if not waiting:
            return reached
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            reached = reached if reached == tree else reached.parent
            continue
        step = reached / part
        if step.is_symlink():
            target = os.readlink(step)
            reached = tree if target.startswith("/") else reached
            waiting.extend(reversed(target.split("/")))
        else:
            reached = step
    raise NginxUnavailable(f"Links lead in a circle at {name} in {tree}.")


def _read(tree: Path, name: str) -> bytes:
    try:
        return inside(tree, name).read_bytes()
    except OSError as error:
        raise NginxUnavailable(f"The packages do not bring {name}: {error}.") from error
