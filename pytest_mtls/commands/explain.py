"""``pytest-mtls explain``: what the lines of a log, or the message of a client, come from."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from pytest_mtls.commands.options import Commands, add_command, print_json
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.report.terminal import Paint, terminal_width, wrap, wrapped

if TYPE_CHECKING:
    from pytest_mtls.evidence import Cause, Evidence

_STANDARD_INPUT: Final = "-"
_LONGEST_LINE: Final = 1 << 16
_SHOWN: Final = 300
_BETWEEN_LOOKS: Final = 4096
_REFRESH_SECONDS: Final = 0.5
_NOTHING_FOUND: Final = 1


@dataclass(slots=True)
class _Finding:
    """Lines that show the same.

    Attributes:
        evidence: what they show.
        causes: where that may come from, the likeliest first.
        source: the file of the first line.
        number: its number there.
        first: that line, fit to be printed.
        count: how many there are.
    """

    evidence: Evidence
    causes: tuple[Cause, ...]
    source: str
    number: int
    first: str
    count: int = 0

    def to_json(self) -> dict[str, object]:
        evidence = self.evidence
        return {
            "count": self.count,
            "file": self.source,
            "line": self.number,
            "text": self.first,
            "witness": evidence.witness,
            "verify_code": evidence.verify_code,
            "reason": evidence.reason,
            "alert": evidence.alert,
            "status": evidence.status,
            "causes": [
                {"entry": each.identifier, "cause": each.sentence, "remedy": each.remedy, "reproduce": each.command}
                for each in self.causes
            ],
        }


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "explain",
        run,
        summary="name the likely cause of lines in an nginx log, or of a client's message",
        more="Reads error logs (level info says most), access logs in the combined format, and what OpenSSL, Python,\n"
        "curl, Go, Java, Node and browsers print. Ends with 0 if something was recognised, 1 if nothing was.",
        example="pytest-mtls explain /var/log/nginx/error.log\n"
        "  curl -s https://app.example 2>&1 | pytest-mtls explain -",
    )
    parser.add_argument(
        "files",
        nargs="*",
        default=[_STANDARD_INPUT],
        metavar="FILE",
        help="logs; - is standard input (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Read everything, then say what was found."""
    findings: dict[Evidence, _Finding] = {}
    lines = sum(_read(name, findings) for name in options.files)
    found = sorted(findings.values(), key=lambda each: -each.count)
    if options.json:
        print_json({"lines": lines, "findings": [each.to_json() for each in found]})
    else:
        _print(found, lines, Paint.for_stream(sys.stdout))
    return 0 if found else _NOTHING_FOUND


def _read(name: str, findings: dict[Evidence, _Finding]) -> int:
    """Add what one file shows; returns how many lines it has.

    Raises:
        InvalidArgument: it cannot be read.
    """
    from pytest_mtls.causes import fitting
    from pytest_mtls.symptoms import recognise

    number = 0
    try:
        with _opened(name) as stream:
            for number, line in enumerate(_lines(stream), 1):
                evidence = recognise(line)
                if evidence is None:
                    continue
                if evidence not in findings:
                    causes = fitting(evidence)
                    if not causes:
                        continue
                    findings[evidence] = _Finding(evidence, causes, name, number, printable(line))
                findings[evidence].count += 1
    except (OSError, ValueError) as error:  # a NUL byte in a path is a ValueError
        raise InvalidArgument(
            f"Tried to read {name!r}, saw: {getattr(error, 'strerror', None) or error}. Name a log file, or -."
        ) from None
    return number


@contextlib.contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name != _STANDARD_INPUT:
        with open(name, "rb") as file:
            yield file
        return
    if sys.stdin.isatty():
        print("Reading standard input; Ctrl-D ends it.", file=sys.stderr)
    yield sys.stdin.buffer


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Each line, of one that is very long the beginning: what is held never grows with the file."""
    progress = _Progress(stream)
    count = 0
    while line := stream.readline(_LONGEST_LINE):
        count += 1
        yield line
        while line and not line.endswith(b"\n"):
            line = stream.readline(_LONGEST_LINE)
        if count % _BETWEEN_LOOKS == 0:
            progress.show()
    progress.erase()


class _Progress:
    """How far it is, on a terminal and of a file whose size is known."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._shown_at = time.monotonic()
        self._shown = False
        with contextlib.suppress(OSError):
            self._size = os.fstat(stream.fileno()).st_size
            self._active = sys.stderr.isatty() and self._size > 0 and stream.seekable()
            return
        self._active = False

    def show(self) -> None:
        """Say it, now and then."""
        if self._active and time.monotonic() - self._shown_at > _REFRESH_SECONDS:
            self._shown_at, self._shown = time.monotonic(), True
            print(f"\r{self._stream.tell() * 100 // self._size:3} %", end="", file=sys.stderr, flush=True)

    def erase(self) -> None:
        """Leave nothing of it."""
        if self._shown:
            print("\r     \r", end="", file=sys.stderr, flush=True)


def printable(line: bytes) -> str:
    """A line of unknown origin for a terminal: what is no printable character is written as its escape."""
    text = line[: 4 * _SHOWN].decode("utf-8", "backslashreplace").strip()
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in shown)


def _print(found: list[_Finding], lines: int, paint: Paint) -> None:
    width = min(terminal_width(), 120)
    for finding in found:
        times = "once" if finding.count == 1 else f"{finding.count} times"
        where = "" if finding.source == _STANDARD_INPUT else f" {printable(finding.source.encode())}:{finding.number}"
        print(paint(f"{times}, first{where}:" if finding.count > 1 else f"{times}{where}:", "bold"))
        print(f"  {finding.first}")
        for position, cause in enumerate(finding.causes):
            fits = "fits" if position == 0 else "or"
            head, *rest = wrap(f"{fits}: {cause.identifier}: {cause.sentence}", width - 4)
            print(f"  {paint(head, 'cyan')}")
            for line in rest:
                print(f"    {line}")
            for line in wrap(f"do: {cause.remedy}", width - 4):
                print(f"    {line}")
            if cause.command:
                print(f"    reproduce: {cause.command}")
        print()
    if not found:
        said = f"Nothing was recognised in {lines} line{'' if lines == 1 else 's'}. "
        print(wrapped(said + "nginx says why it refuses a certificate at `error_log ... info`.", sys.stdout))
