"""Strings and values as nobody would write them, for property-based tests."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

_PIECES: Final = (
    *("a", "b.test", "example.org", "*", ".", "/", "..", "../", "~", "_", "-", ":", "443", "@", "=", ",", "+", "%2e"),
    *(
        "$",
        "$host",
        "${a}",
        ";",
        "{",
        "}",
        "#",
        '"',
        "'",
        "\\",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\0",
        "\x1b[2J",
        "\x9b",
        "\u202e",
    ),
    *("\u00e9", "\ud800", "\ufeff", "\x7f", "return 200;", "<script>", "&lt;", "</td>", "' onload='", "-----BEGIN "),
)

hostile_text: Final = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=6).map("".join),
    st.text(max_size=20),
    st.text(st.characters(codec=None), max_size=10),
)
"""Text of any characters, lone surrogates among them."""

any_value: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_text | st.binary(max_size=20) | st.builds(object),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text | st.integers(), inner, max_size=3)
    | st.tuples(inner, inner),
    max_leaves=4,
)  # fmt: skip
"""Values of any type."""


def is_harmless(printed: str) -> bool:
    """Whether no terminal obeys anything in it: no control character, no change of direction."""
    return all(each.isprintable() or each in "\n\t" for each in printed)
