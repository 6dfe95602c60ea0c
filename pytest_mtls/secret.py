"""Bytes that are nobody's to read."""

from __future__ import annotations


class Secret(bytes):
    """Bytes whose text says how many they are, and no more.

    pytest prints local variables (``--showlocals``), arguments and both sides of an assertion; a private key among them
    would be in the log of whoever runs the tests.
    """

    def __repr__(self) -> str:
        return f"<secret, {len(self)} bytes>"

    __str__ = __repr__
