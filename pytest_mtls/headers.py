"""HTTP header fields as they came: in order, with duplicates, looked up without regard to case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Headers(Mapping[str, str]):
    """An immutable multi-dict of header fields.

    ``headers["x-name"]`` is the first value of that name and :meth:`get_all` every one; iteration gives each name once,
    in the spelling in which it first arrived. Values are decoded as ISO 8859-1, which loses nothing (RFC 9110 section
    5.5).
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple(fields)

    @classmethod
    def from_raw(cls, fields: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Fields as they stood on the wire."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Every field, in the order of arrival."""
        return self._fields

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value of that name, in the order of arrival; empty where there is none."""
        wanted = name.lower()
        return tuple(value for field, value in self._fields if field.lower() == wanted)

    def __getitem__(self, name: str) -> str:
        wanted = name.lower()
        for field, value in self._fields:
            if field.lower() == wanted:
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for field, _ in self._fields:
            if field.lower() not in seen:
                seen.add(field.lower())
                yield field

    def __len__(self) -> int:
        return len({field.lower() for field, _ in self._fields})

    def __repr__(self) -> str:
        return f"Headers({list(self._fields)!r})"
