"""Another machine, as far as the network goes: a namespace with a cable to this one, which routes everything by it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Port = tuple[str, int]

_HERE, _THERE = "198.18.{}.1", "198.18.{}.2"  # RFC 2544: on nobody's network
_TRY = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def reached(port):
    try:
        socket.create_connection(tuple(port), 0.5).close()
    except OSError:
        return False
    return True

ports = json.load(sys.stdin)
with ThreadPoolExecutor(128) as pool:
    print(json.dumps([port for port, answer in zip(ports, pool.map(reached, ports)) if answer]))
"""


@dataclass(frozen=True)
class Neighbour:
    """That machine.

    Attributes:
        name: of its namespace.
        cable: this machine's address on the cable.
    """

    name: str
    cable: str

    def reaches(self, ports: Iterable[Port]) -> set[Port]:
        """Those that take a connection of its."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, sys.executable, "-c", _TRY],
            input=json.dumps([list(port) for port in ports]),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return {(host, port) for host, port in json.loads(done.stdout)}


@contextlib.contextmanager
def neighbour() -> Iterator[Neighbour]:
    """One for as long as it is used."""
    number = os.getpid() % 250 + 1
    name, cable = f"mtls-{os.getpid()}", f"mtls{os.getpid() % 10**8}"
    here, there = _HERE.format(number), _THERE.format(number)
    try:
        _ip("netns", "add", name)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", name)
        _ip("address", "add", f"{here}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        for line in (f"address add {there}/30 dev cable", "link set cable up", f"route add default via {here}"):
            _ip("-n", name, *line.split())
        yield Neighbour(name, here)
    finally:
        # The cable goes with the namespace that holds its other end.
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, timeout=20, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, timeout=20, check=True)
