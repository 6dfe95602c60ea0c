"""All files of a configuration: includes are followed, and none leads out of its folder."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.own_config.source import Directive, Source, read

INSTALLED: Final = "/etc/nginx/"
"""Where distributions put what the folder of the configuration stands for."""

_STANDARD: Final[Mapping[str, str]] = {
    "mime.types": "types { text/html html htm; text/css css; application/javascript js; application/json json; "
    "image/png png; image/svg+xml svg; text/plain txt; }\n",
    "proxy_params": "proxy_set_header Host $http_host;\nproxy_set_header X-Real-IP $remote_addr;\n"
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\nproxy_set_header X-Forwarded-Proto $scheme;\n",
    **dict.fromkeys(("fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params"), "\n"),
}
"""Files that come with nginx. Nobody reads what the last four set: those requests go to the recorder, as HTTP."""

_MOST_FILES: Final = 5000
_MOST_INCLUDES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Included:
    """What one ``include`` brings in."""

    sources: tuple[Source, ...]
    as_written: bool
    stands_in: bool = False


@dataclass(slots=True)
class Tree:
    """The files of one configuration, read as they are asked for."""

    folder: Path
    given: Mapping[str, Any]
    main: Source
    used: set[str] = field(default_factory=set)
    followed: int = 0
    _sources: dict[str, Source] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, given: Mapping[str, Any]) -> Tree:
        """The configuration whose main file is ``path``; ``given`` are the user's ``files``."""
        path = path.resolve()
        return cls(path.parent, given, read(path, path.name))

    def included(self, directive: Directive, via: tuple[str, ...]) -> Included:
        """The files that an ``include`` names.

        Args:
            directive: the include.
            via: the files that led here.

        Raises:
            InvalidArgument: it leads out of the folder, in a circle, or to nothing.
        """
        if len(directive.args) != 1:
            raise InvalidArgument(f"{directive.where}: include takes one path.")
        self.followed += 1
        if self.followed > _MOST_INCLUDES:
            raise InvalidArgument(f"{directive.where}: files include each other too many times over.")
        (written,) = directive.args
        if written in self.given:
            self.used.add(written)
            return Included((self._named(written, directive),), False)
        relative = written.removeprefix(INSTALLED) if written.startswith(INSTALLED) else written
        pattern = self.inside(relative, directive)
        found = sorted(glob.glob(str(pattern))) if glob.has_magic(relative) else [str(pattern)]
        if not glob.has_magic(relative) and not pattern.is_file():
            if (standard := _STANDARD.get(pattern.name)) is not None:
                return Included((Source(f"standard/{pattern.name}", standard, ()),), False, True)
            raise InvalidArgument(
                f"{directive.where}: include {written}: there is no such file (looked for {pattern}). "
                f"Add it, or name another: files={{{written!r}: path}}."
            )
        sources = tuple(self._source(Path(each), directive) for each in found if Path(each).is_file())
        for source in sources:
            if source.name in via:
                raise InvalidArgument(f"{directive.where}: include {written} includes itself.")
        return Included(sources, written == relative and not glob.has_magic(relative))

    def inside(self, written: str, directive: Directive) -> Path:
        """A path within the folder.

        Raises:
            InvalidArgument: it is not within it, also by a symbolic link.
        """
        path = Path(written) if written.startswith("/") else self.folder / written
        if ".." in Path(written).parts or not path.is_relative_to(self.folder):
            raise self._outside(written, directive)
        if not glob.has_magic(written) and not path.resolve().is_relative_to(self.folder):
            raise self._outside(written, directive)
        return path

    def _outside(self, written: str, directive: Directive) -> InvalidArgument:
        return InvalidArgument(
            f"{directive.where}: {directive.name} {written} leads out of {self.folder}, and nothing outside is read. "
            f"If it is meant, name it: files={{{written!r}: path}}."
        )

    def _source(self, path: Path, directive: Directive) -> Source:
        if not path.resolve().is_relative_to(self.folder):
            raise self._outside(str(path), directive)
        name = path.relative_to(self.folder).as_posix()
        if name not in self._sources:
            if len(self._sources) >= _MOST_FILES:
                raise InvalidArgument(f"{directive.where}: includes more than {_MOST_FILES} files.")
            self._sources[name] = read(path, name)
        return self._sources[name]

    def _named(self, written: str, directive: Directive) -> Source:
        path = self.given[written]
        if isinstance(path, bytes):
            raise InvalidArgument(f"files[{written!r}] is included, so it is the path of a file, not bytes.")
        name = f"named/{len(self._sources)}-{Path(str(path)).name}"
        return self._sources.setdefault(f"named {written}", read(Path(str(path)), name))

    def flat(self, directives: tuple[Directive, ...], via: tuple[str, ...] = ()) -> Iterator[Directive]:
        """Directives with those of included files in their place, blocks as they are."""
        for directive in directives:
            if directive.name == "include" and directive.block is None:
                for source in self.included(directive, (self.main.name, *via)).sources:
                    yield from self.flat(source.directives, (*via, source.name))
            else:
                yield directive
