"""Folders that a configuration serves files from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.own_config.source import Directive
from pytest_mtls.own_config.tree import INSTALLED, Tree

_MOST: Final = 2000
_LARGEST: Final = 16 << 20
EMPTY: Final = "empty"


@dataclass(slots=True)
class Served:
    """Copies what lies within the folder of the configuration; anything else is an empty folder."""

    tree: Tree
    files: dict[str, bytes] = field(default_factory=dict)
    size: int = 0

    def place(self, directive: Directive) -> tuple[str, str]:
        """What ``root`` or ``alias`` names instead, and why.

        Raises:
            InvalidArgument: there is too much in it.
        """
        written = directive.args[0]
        relative = written.removeprefix(INSTALLED)
        path = self.tree.folder / relative
        known = "$" not in written and ".." not in path.parts and path.exists()
        if not known or not path.resolve().is_relative_to(self.tree.folder) or path.resolve() == self.tree.folder:
            empty = f"{EMPTY}/" if written.endswith("/") else EMPTY
            return empty, f"only folders within {self.tree.folder.name}/ are served from; this one is empty"
        for each in [path] if path.is_file() else sorted(path.rglob("*")):
            if each.is_file() and each.resolve().is_relative_to(self.tree.folder):
                name = each.relative_to(self.tree.folder).as_posix()
                if name not in self.files:
                    self.size += each.stat().st_size
                    if self.size > _LARGEST or len(self.files) >= _MOST:
                        raise InvalidArgument(
                            f"{directive.where}: {directive.name} {written} holds more than {_LARGEST >> 20} MiB or "
                            f"{_MOST} files; test with a smaller folder."
                        )
                    self.files[name] = each.read_bytes()
        place = path.relative_to(self.tree.folder).as_posix()
        return (f"{place}/" if written.endswith("/") else place), "a copy of it"
