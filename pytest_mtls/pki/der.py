"""Just enough DER (ITU-T X.690) to look inside a name, a key or a signature, and to write one that no library would.

Only definite lengths and single-byte tags are read: that is all that X.509 uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
SEQUENCE = 0x30
SET = 0x31


@dataclass(frozen=True, slots=True)
class Element:
    """One tag, length and value.

    Attributes:
        tag: the identifier byte.
        content: the value, without tag and length.
        encoded: all of it, as it stood.
    """

    tag: int
    content: bytes
    encoded: bytes

    def children(self) -> tuple[Element, ...]:
        """The elements that a constructed one holds.

        Raises:
            ValueError: the content is not a sequence of whole elements.
        """
        return tuple(read_all(self.content))


def read(data: bytes) -> Element:
    """The one element that ``data`` is.

    Raises:
        ValueError: it is not DER, or something follows it.
    """
    element = _read_at(data, 0)
    if len(element.encoded) != len(data):
        raise ValueError(f"{len(data) - len(element.encoded)} bytes follow the DER element")
    return element


def read_all(data: bytes) -> Iterator[Element]:
    """The elements that stand one after another in ``data``.

    Raises:
        ValueError: it is not a sequence of whole elements.
    """
    position = 0
    while position < len(data):
        element = _read_at(data, position)
        position += len(element.encoded)
        yield element


def encode(tag: int, *contents: bytes) -> bytes:
    """An element of that tag around the contents, with the shortest length (X.690 section 10.1)."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_integer(value: int) -> bytes:
    """An INTEGER that is not negative."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def encode_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return encode(OBJECT_IDENTIFIER, b"".join(_base_128(arc) for arc in (first * 40 + second, *rest)))


def decode_oid(content: bytes) -> str:
    """The dotted form of an OBJECT IDENTIFIER's content."""
    arcs = [0]
    for byte in content:
        arcs[-1] = arcs[-1] << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(0)
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - first * 40, *arcs[1:-1]))


def _read_at(data: bytes, start: int) -> Element:
    if len(data) < start + 2:
        raise ValueError("DER ends before an element's length")
    tag, size, content = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise ValueError("DER tags of several bytes are not read")
    if size & 0x80:
        octets = size & 0x7F
        if not octets or octets > 4 or len(data) < content + octets:
            raise ValueError("DER length is indefinite, too large or cut off")
        size = int.from_bytes(data[content : content + octets], "big")
        content += octets
    end = content + size
    if end > len(data):
        raise ValueError(f"DER ends {end - len(data)} bytes before its element does")
    return Element(tag, data[content:end], data[start:end])


def _base_128(arc: int) -> bytes:
    groups = [arc & 0x7F]
    while arc := arc >> 7:
        groups.append(0x80 | arc & 0x7F)
    return bytes(reversed(groups))
