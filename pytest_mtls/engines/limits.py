"""Telling a limit of this process or machine from what it looks like: a server that died, a folder that is gone."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import ssl
from collections.abc import Iterator
from typing import Final

from pytest_mtls.errors import LimitReached

_ADVICE: Final = {
    errno.EMFILE: "raise it (`ulimit -n`), or keep fewer servers and connections open at a time",
    errno.ENFILE: "raise fs.file-max, or run less beside it",
    errno.EAGAIN: "run less at a time, or raise the limit of processes (`ulimit -u`)",
    errno.ENOMEM: "run with fewer workers, or on a machine with more memory",
    errno.ENOBUFS: "run with fewer workers, or on a machine with more memory",
    errno.EADDRNOTAVAIL: "widen net.ipv4.ip_local_port_range, or wait until closed connections have left TIME_WAIT",
}


@contextlib.contextmanager
def within_limits(what: str, *, any_port: bool = False) -> Iterator[None]:
    """Turn the error of a limit into one that says which; all others pass.

    Args:
        what: what is tried, in the infinitive.
        any_port: any free port would do, so that an address in use means that there is none.

    Raises:
        LimitReached: nothing is wrong but that there is no more.
    """
    try:
        yield
    except OSError as error:
        if any_port and error.errno == errno.EADDRINUSE:
            raise LimitReached(
                f"Tried to {what}, and no port is free. "
                "To do: keep fewer servers up at a time, or widen net.ipv4.ip_local_port_range."
            ) from error
        if reached := limit_reached(what, error):
            raise reached from error
        raise


def limit_reached(what: str, error: BaseException) -> LimitReached | None:
    """The error that says which limit is behind another one; ``None`` where none is."""
    number = _number(error)
    if number is None:
        return None
    seen = os.strerror(number)
    if number == errno.EMFILE:
        seen += f" (this process may have {resource.getrlimit(resource.RLIMIT_NOFILE)[0]})"
    return LimitReached(f"Tried to {what}, saw: {seen}. To do: {_ADVICE[number]}.")


def _number(error: BaseException | None) -> int | None:
    """Of the error, or of the one behind it: libraries wrap what the system said, more than once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno in _ADVICE:
            return error.errno
        error = error.__cause__ or error.__context__
    return None
