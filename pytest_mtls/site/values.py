"""What a variable is worth for a client: ``map``, ``set`` and conditions, followed as nginx follows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_mtls.own_config.source import Directive
from pytest_mtls.site.patterns import compiled
from pytest_mtls.site.reading import Site, variables_in

if TYPE_CHECKING:
    from regex import Match

_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_NO_KEYS: Final = ("default", "hostnames", "volatile")
_OPERATORS: Final = ("=", "!=", "~", "~*", "!~", "!~*")
_DEEPEST: Final = 16


@dataclass(frozen=True)
class Test:
    """One comparison: a line of a ``map``, or an ``if``.

    Attributes:
        looks_at: what is compared, with its variables.
        key: what with: a text, or a regular expression.
        regular: whether it is one.
        ignores_case: nginx looks up the texts of a ``map`` without regard to case (``ngx_http_map_find``).
        directive: as it is written.
    """

    __test__ = False

    looks_at: str
    key: str
    regular: bool
    ignores_case: bool
    directive: Directive

    @property
    def readable(self) -> bool:
        """Whether its expression can be read here."""
        return not self.regular or compiled(self.key) is not None

    @property
    def is_whole(self) -> bool:
        """Whether it asks for the whole of one subject, so that no other fits."""
        return not self.regular and self.looks_at in ("$ssl_client_s_dn", "${ssl_client_s_dn}")

    def fits(self, text: str) -> Match[str] | None:
        """Whether it fits; ``None`` also where the expression cannot be read."""
        pattern = self.key if self.regular else rf"\A{re.escape(self.key)}\Z"
        known = compiled(pattern, ignore_case=self.ignores_case)
        return known.search(text) if known else None


def tests_of_map(site: Site, directive: Directive) -> Iterator[Test]:
    """The lines of a ``map`` that compare, in the order in which nginx does: texts first."""
    lines = [each for each in site.tree.flat(directive.block or ()) if each.args and each.name not in _NO_KEYS]
    for each in sorted(lines, key=lambda line: line.name.startswith("~")):
        regular = each.name.startswith("~")
        star = each.name.startswith("~*")
        key = each.name[1 + star :] if regular else each.name.removeprefix("\\")
        yield Test(directive.args[0], key, regular, star or not regular, each)


def test_of_if(directive: Directive) -> Test | None:
    """The comparison of an ``if``; ``None`` where it has none."""
    words = list(directive.args)
    words[0] = words[0].removeprefix("(")
    words[-1] = words[-1].removesuffix(")")
    words = [each for each in words if each]
    if len(words) != 3 or words[1] not in _OPERATORS:
        return None
    regular = "~" in words[1]
    return Test(words[0], words[2], regular, words[1].endswith("*"), directive)


def worth(site: Site, text: str, known: Mapping[str, str], depth: int = 0) -> str | None:
    """A text with its variables filled in; ``None`` where one cannot be told from the configuration.

    Args:
        site: the configuration.
        text: such as ``$ssl_client_verify:$ssl_client_s_dn``.
        known: what variables are worth, without ``$``.
        depth: of variables that are made of variables.
    """
    filled = text
    for name in variables_in(text):
        value = known.get(name)
        if value is None:
            value = _made(site, name, known, depth)
        if value is None:
            return None
        filled = re.sub(rf"\$(?:\{{{name}\}}|{name}\b)", lambda _, value=value: value, filled)  # type: ignore[misc]
    return filled


def _made(site: Site, name: str, known: Mapping[str, str], depth: int) -> str | None:
    sources = site.sources.get(name, [])
    if len(sources) != 1 or depth > _DEEPEST:
        return None
    _, directive = sources[0]
    if directive.name == "set":
        return worth(site, directive.args[1], known, depth + 1)
    looked_at = worth(site, directive.args[0], known, depth + 1)
    if looked_at is None:
        return None
    for test in tests_of_map(site, directive):
        found = test.fits(looked_at)
        if found:
            groups = {str(number): value or "" for number, value in enumerate(found.groups(), 1)}
            named = {group: value or "" for group, value in found.groupdict().items()}
            return worth(site, test.directive.args[0], {**known, **groups, **named}, depth + 1)
    default = [each for each in site.tree.flat(directive.block or ()) if each.name == "default" and each.args]
    return worth(site, default[0].args[0], known, depth + 1) if default else ""
