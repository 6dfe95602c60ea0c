"""A generation, from the cache or freshly built."""

from __future__ import annotations

import sys
import time

from pytest_mtls.errors import NginxUnavailable
from pytest_mtls.generations import cache
from pytest_mtls.generations.collect import NGINX, Machine, collect
from pytest_mtls.generations.packages import unpacked
from pytest_mtls.generations.table import Generation


def provide(generation: Generation, *, rebuild: bool = False) -> cache.Root:
    """That generation's nginx, ready to run; built in some seconds where it is not in the cache.

    Args:
        generation: which.
        rebuild: build it although it is there, as when its packages were updated.

    Raises:
        NginxUnavailable: it cannot be built here.
    """
    machine = Machine.this()
    if not rebuild and (root := cache.load(generation.suite, machine)):
        return root
    entry = cache.entry_folder(generation.suite, machine)
    with cache.locked(entry):
        if not rebuild and (root := cache.load(generation.suite, machine)):
            return root  # another process built it meanwhile
        why = "again" if rebuild else "again: what was in the cache is damaged" if entry.exists() else "once"
        _say(f"building nginx {generation.nginx} from {generation.suite}'s packages ({why}) ...")
        started = time.monotonic()
        with unpacked(generation, entry, _say) as tree:
            files = collect(tree, machine)
        _check(generation, files[NGINX].content)
        cache.store(generation.suite, machine, files)
        size = sum(len(file.content) for file in files.values()) / 1e6
        _say(f"built {generation.suite} in {time.monotonic() - started:.1f} s: {len(files)} files, {size:.1f} MB")
    root = cache.load(generation.suite, machine)
    if root is None:
        raise NginxUnavailable(f"{entry} was written and is not what was written; is the disk full or failing?")
    return root


def _check(generation: Generation, binary: bytes) -> None:
    """The version stands in the binary as in the Server field: ``NGINX_VER`` in ``nginx.h``."""
    if f"nginx/{generation.nginx}".encode() not in binary:
        raise NginxUnavailable(
            f"{generation.suite}'s packages hold another nginx than {generation.nginx}; a newer pytest-mtls knows it."
        )


def _say(text: str) -> None:
    print(f"pytest-mtls: {text}", file=sys.stderr, flush=True)
