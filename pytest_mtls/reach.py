"""Sockets that listen for containers of this machine, and for nobody beyond it.

Linux takes a packet for any of its addresses by any interface. So a neighbour that routes an engine's network through
this machine reaches what listens on that network's address here; binding to the address does not keep it out.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from typing import Final

_SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h
_SIOCGIFADDR: Final = 0x8915  # linux/sockios.h
# linux/filter.h, linux/bpf_common.h
_LOAD_WORD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_INTERFACE_OF_PACKET: Final = 0xFFFFF000 + 8
_ALL: Final = 0xFFFFFFFF


def hear_this_machine_only(listening: socket.socket) -> None:
    """Have the kernel drop what comes by another interface than loopback or the one that has the socket's address.

    Nothing is done where that is no address of an interface, or the kernel has no socket filters (``socket(7)``).
    """
    host = listening.getsockname()[0]
    interface = _interface_with(host) if listening.family is socket.AF_INET and not host.startswith("127.") else None
    if interface is None:
        return
    program = _instructions(socket.if_nametoindex("lo"), interface)
    held = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
    with contextlib.suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def _interface_with(host: str) -> int | None:
    try:
        import fcntl
    except ImportError:
        return None
    wanted = socket.inet_aton(host)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for index, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                if fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", name.encode()))[20:24] == wanted:
                    return index
    return None


def _instructions(*interfaces: int) -> bytes:
    """A classic BPF program: take a packet that came by one of them, drop any other."""
    last = len(interfaces) - 1
    tests = [(_JUMP_IF_EQUAL, last - place + 1, 0, index) for place, index in enumerate(interfaces)]
    steps = [(_LOAD_WORD, 0, 0, _INTERFACE_OF_PACKET), *tests, (_RETURN, 0, 0, 0), (_RETURN, 0, 0, _ALL)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
