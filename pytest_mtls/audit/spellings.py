"""Other ways to write a path, and what an application may take them for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Final
from urllib.parse import unquote

_ENCODED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")


class Likeness(IntEnum):
    """How much of a path an application sees in another; the higher the more."""

    NONE = 0
    LOOSE = 1
    """The same to one that is not strict about case, parameters, slashes, dots or decoding."""
    BELOW = 2
    """Below it, to everybody."""
    SAME = 3
    """The same, to everybody (RFC 3986 section 6.2.2)."""


def spelled(path: str) -> Iterator[str]:
    """The path as a better match would still know it: other case, encoded, with dots, slashes or more behind it."""
    plain = path.rstrip("/")
    yield f"/%{ord(path[1]):02x}{path[2:]}"
    yield f"/audit/..{path}"
    yield f"/.{path}"
    yield f"/{path}"
    yield plain if path.endswith("/") else f"{path}/"
    yield f"{plain}/audit"
    yield from (each for each in (path.upper(), path.lower()) if each != path)
    yield f"{path};audit"
    yield f"{path}."
    yield f"{path}%20"


def disguised(path: str) -> Iterator[str]:
    """The path as no match can know it: what only some applications undo."""
    yield f"/;audit{path}"
    yield f"/audit/..;{path}"
    yield f"/%25{ord(path[1]):02x}{path[2:]}"


def normalised(path: str) -> str:
    """As RFC 3986 section 6.2.2 has it: dot segments, and encoding that changes nothing."""
    plain = _ENCODED.sub(_decoded, path.partition("?")[0])
    found: list[str] = []
    for segment in plain.split("/")[1:]:
        if segment == "..":
            found = found[:-1]
        elif segment != ".":
            found.append(segment)
    return "/" + "/".join(found) + ("/" if plain.endswith(("/.", "/..")) and found else "")


def likeness(seen: str, guarded: str) -> Likeness:
    """What of a guarded path there is in what an application saw."""
    one, other = normalised(seen), normalised(guarded)
    if one == other:
        return Likeness.SAME
    if one.startswith(f"{other.rstrip('/')}/") and one.rstrip("/") != other.rstrip("/"):
        return Likeness.BELOW
    return Likeness.LOOSE if _loose(one) == _loose(other) else Likeness.NONE


def _decoded(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.fullmatch(character) else found[0].upper()


def _loose(path: str) -> str:
    segments = (each.partition(";")[0] for each in unquote(unquote(path)).casefold().split("/"))
    return normalised("/" + "/".join(each for each in segments if each)).rstrip("/. \0")
