"""A block of a configuration, and what it inherits from those around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.tree import Tree

PASSES: Final = ("proxy_pass", "grpc_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass")
"""What hands a request to an application."""


@dataclass(frozen=True, eq=False)
class Block:
    """One block, with its included files in their places.

    Attributes:
        tree: all files.
        directive: the block as it is written.
        outer: the block around it; ``None`` at the top.
    """

    tree: Tree
    directive: Directive
    outer: Block | None = None

    @property
    def name(self) -> str:
        """Such as ``server``."""
        return self.directive.name

    @property
    def where(self) -> str:
        """``file:line``."""
        return self.directive.where

    @cached_property
    def inner(self) -> tuple[Directive, ...]:
        """What is directly in it."""
        return tuple(self.tree.flat(self.directive.block or ()))

    def own(self, *names: str) -> tuple[Directive, ...]:
        """Its own directives of these names."""
        return tuple(each for each in self.inner if each.name in names)

    def levels(self) -> Iterator[Block]:
        """This block and those around it, from the inside."""
        level: Block | None = self
        while level is not None:
            yield level
            level = level.outer

    def effective(self, *names: str) -> tuple[Directive, ...]:
        """The directives of these names that apply here.

        A level that has one of its own inherits none: nginx merges arrays such as ``proxy_set_header`` whole
        (``ngx_conf_merge_ptr_value``).
        """
        return next((found for level in self.levels() if (found := level.own(*names))), ())

    def effective_one(self, name: str) -> Directive | None:
        """The directive of that name that applies here, where there can be one."""
        found = self.effective(name)
        return found[-1] if found else None

    def value(self, name: str, default: str = "") -> str:
        """The first argument of that directive."""
        found = self.effective_one(name)
        return found.args[0] if found and found.args else default

    def blocks(self, name: str) -> tuple[Block, ...]:
        """The blocks of that name directly in it."""
        return tuple(Block(self.tree, each, self) for each in self.own(name) if each.block is not None)
