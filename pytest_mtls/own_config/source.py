"""One file of an nginx configuration as directives, each with the place of every argument in the text.

crossplane splits the text as nginx does; it knows lines only, and what is changed here must leave every other byte as
it is, so each of its tokens is found again in the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.errors import InvalidArgument

RUNS_CODE: Final = (
    "runs code of its own in nginx, which is not done here: it could read and do anything. "
    "Leave it out of what you test, for instance in a file that is included and named otherwise through files={...}."
)
_LARGEST: Final = 4 << 20
_DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Token:
    """One word, with its place in the text."""

    text: str
    line: int
    start: int
    end: int
    special: bool = False


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive as it is written.

    Attributes:
        words: its name and its arguments.
        file: the file, relative to the folder of the configuration.
        end: behind its ``;`` or ``}``.
        opened: behind its ``{``, for a block.
        block: what is in it; ``None`` for a simple directive.
    """

    words: tuple[Token, ...]
    file: str
    end: int
    opened: int = -1
    block: tuple[Directive, ...] | None = None

    @property
    def name(self) -> str:
        """The first word."""
        return self.words[0].text

    @property
    def args(self) -> tuple[str, ...]:
        """The other words, without quotes."""
        return tuple(word.text for word in self.words[1:])

    @property
    def start(self) -> int:
        """Where its name begins."""
        return self.words[0].start

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.words[0].line}"


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        name: relative to the folder of the configuration.
        text: all of it.
        directives: those at its top level.
    """

    name: str
    text: str
    directives: tuple[Directive, ...]


def read(path: Path, name: str) -> Source:
    """Read and split one file.

    Raises:
        InvalidArgument: it cannot be read, is not text, or nginx could not read it; file and line are named.
    """
    import crossplane

    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidArgument(f"{name}: larger than {_LARGEST >> 20} MiB, which no nginx configuration is.")
        text = path.read_bytes().decode()
        words = list(crossplane.lex(str(path)))
    except OSError as error:
        raise InvalidArgument(f"{name}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{name}: is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    except crossplane.errors.NgxParserSyntaxError as error:
        raise InvalidArgument(f"{name}:{error.lineno}: {error.strerror}.") from error
    tokens = list(_placed(words, text, name))
    directives, rest = _directives(tokens, 0, name, 0)
    if rest < len(tokens):
        raise InvalidArgument(f'{name}:{tokens[rest].line}: unexpected "}}".')
    return Source(name, text, directives)


def _placed(words: list[tuple[str, int, bool]], text: str, name: str) -> Iterator[Token]:
    position = 0
    for word, line, quoted in words:
        position = _skipped(text, position)
        if not quoted and word.startswith("#"):
            continue  # a comment: it was skipped
        if word.endswith("_by_lua_block"):
            raise InvalidArgument(f"{name}:{line}: {word} {RUNS_CODE}")
        end = _closing(text, position) if quoted else position + len(word)
        if end < 0 or (not quoted and not _same(text[position:end], word)):
            raise InvalidArgument(f"{name}:{line}: cannot be understood near {word!r}.")
        yield Token(word, line, position, end, special=not quoted and word in ("{", "}", ";"))
        position = end
    if _skipped(text, position) < len(text):
        line = text.count("\n", 0, position) + 1
        raise InvalidArgument(f'{name}:{line}: unexpected end of file, expecting ";" or a closing quote.')


def _same(written: str, word: str) -> bool:
    return written == word or written.replace("\r", "\n") == word


def _skipped(text: str, position: int) -> int:
    """The place of the next word: behind blanks and comments."""
    while position < len(text):
        if text[position].isspace() or text[position] == "\ufeff":
            position += 1
        elif text[position] == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        else:
            break
    return position


def _closing(text: str, position: int) -> int:
    quote = text[position : position + 1]
    position += 1
    while position < len(text) and text[position] != quote:
        position += 2 if text[position] == "\\" else 1
    return position + 1 if position < len(text) else -1


def _directives(tokens: list[Token], at: int, name: str, depth: int) -> tuple[tuple[Directive, ...], int]:
    found: list[Directive] = []
    words: list[Token] = []
    while at < len(tokens):
        token = tokens[at]
        if not token.special:
            words.append(token)
            at += 1
            continue
        if token.text == "}":
            if words:
                raise InvalidArgument(
                    f'{name}:{words[-1].line}: unexpected "}}" after {words[-1].text!r}; ";" is missing.'
                )
            break
        if not words:
            raise InvalidArgument(f'{name}:{token.line}: unexpected "{token.text}".')
        if token.text == ";":
            found.append(Directive(tuple(words), name, token.end))
        else:
            if depth >= _DEEPEST:
                raise InvalidArgument(f"{name}:{token.line}: blocks are nested more than {_DEEPEST} deep.")
            block, at = _directives(tokens, at + 1, name, depth + 1)
            found.append(Directive(tuple(words), name, tokens[at].end, token.end, block))
        words, at = [], at + 1
    if words:
        raise InvalidArgument(f'{name}:{words[0].line}: {words[0].text!r} is not ended by ";".')
    return tuple(found), at
