"""Every block of code on a page is run as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import cli
from pytest_mtls.generations import GENERATIONS
from pytest_mtls.stage import catalogue
from tests.documentation.blocks import DOCS, ROOT, RUN, Block, blocks_of, fits
from tests.generations.conftest import built

OTHERS = {"audit", "browsers", "compare", "clients", "faults", "safety"}
"""Pages whose own tests run them."""

PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if not {"scenarios", "examples"} & set(path.relative_to(DOCS).parts) and path.stem not in {*OTHERS, "tutorial"}
]
TUTORIAL = DOCS / "tutorial.md"
BUG_REPORT = DOCS / "how-to" / "from-a-bug-report.md"
IN_ITS_FOLDER = """
import pytest

@pytest.fixture(autouse=True)
def in_its_folder(request, monkeypatch):
    monkeypatch.chdir(request.path.parent)
"""


def _commands() -> Iterator[object]:
    for page in PAGES:
        for number, block in enumerate(blocks_of(page)):
            if block.language == "console" and block.not_run is None:
                yield pytest.param(page, block, id=f"{page.stem}-{number}")


def _write(blocks: list[Block], folder: Path) -> None:
    """The files that a page names, and its suites."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, block in enumerate(blocks):
        if block.file and block.language != "console":
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)
        elif block.is_suite:
            (folder / f"test_block_{number}.py").write_text(block.text)


def _run(command: str, folder: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    if install := re.fullmatch(r"pip install '?([\w-]+)(?:\[(\w+)\])?'?", command):
        # Not from an index: the suite runs where it is installed.
        settings = (ROOT / "pyproject.toml").read_text()
        wanted = [f'name = "{install[1]}"', *([f"\n{install[2]} = ["] if install[2] else [])]
        status = 0 if all(each in settings for each in wanted) else 1
        return subprocess.CompletedProcess(command, status, "", "")
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
    )


def test_every_block_is_of_a_kind_that_is_run() -> None:
    """Or it says why not; what is no program is text, without a language."""
    kinds = {block.language for page in (*PAGES, TUTORIAL) for block in blocks_of(page) if block.not_run is None}

    assert {kind for kind in kinds if kind and not kind.startswith("{")} <= set(RUN)


@pytest.mark.parametrize(
    "engine, pages",
    [("process", PAGES), pytest.param("docker", [BUG_REPORT], marks=pytest.mark.long)],
    indirect=["engine"],
)
def test_every_suite_passes_as_it_stands(engine: str, pages: list[Path], pytester: pytest.Pytester) -> None:
    """Each block is a file of its own, beside the files that its page names. The README's are run in both engines."""
    suites = 0
    for page in pages:
        blocks = [block for block in blocks_of(page) if block.not_run is None]
        _write(blocks, pytester.path / page.stem.replace("-", "_"))
        suites += sum(block.text.count("def test_") for block in blocks if block.is_suite)
    for settings in pytester.path.rglob("pytest.ini"):
        settings.unlink()
    (pytester.path / "conftest.py").write_text(IN_ITS_FOLDER)
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")

    result = pytester.runpytest_subprocess(
        f"--mtls-engine={engine}", "--import-mode=importlib", "-W", "error", timeout=120
    )

    assert result.ret == 0
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] >= suites >= 3


@pytest.mark.parametrize("page, block", [*_commands()])
def test_every_command_does_what_the_page_shows(page: Path, block: Block, tmp_path: Path) -> None:
    """In a folder with the files that the page names, and nothing else."""
    for generation in GENERATIONS:
        if generation in block.text:
            built(generation)
    _write([each for each in blocks_of(page) if each.file], tmp_path)
    for command, shown in block.commands:
        ran = _run(command, tmp_path)

        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert fits(ran.stdout, shown), ran.stdout


def test_the_tutorial_literally(tmp_path: Path) -> None:
    """From an empty folder: red where it says so, then green, in five commands."""
    blocks = blocks_of(TUTORIAL)
    commands = [command for block in blocks if block.language == "console" for command, _ in block.commands]
    statuses = []
    for block in blocks:
        if block.not_run:
            continue
        if block.language == "console":
            ((command, shown),) = block.commands
            ran = _run(command, tmp_path)
            assert fits(ran.stdout, shown), ran.stdout
            statuses.append(ran.returncode)
        else:
            assert block.file
            (tmp_path / block.file).write_text(block.text)

    assert statuses == [1, 0]
    assert len(commands) <= 5


@pytest.mark.parametrize(
    "text", [b.text for p in PAGES for b in blocks_of(p) if b.language == "python" and not b.is_suite]
)
def test_the_scripts_run_as_they_stand(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without pytest."""
    exec(compile(text, "docs", "exec"), {})

    assert "nginx answered 200" in capsys.readouterr().out


def test_every_command_in_a_sentence_can_be_given() -> None:
    """Its options are known, and so are the scenarios it names."""
    pages = (*PAGES, TUTORIAL, ROOT / "README.md")
    found = {words for page in pages for words in re.findall(r"`pytest-mtls ([a-z][^`]*)`", page.read_text())}
    # A name alone is spoken of, not given.
    given = [shlex.split(words) for words in found if " " in words and not re.search(r"\b[A-Z]{3,}\b|\.\.\.", words)]

    assert len(given) > 15
    for arguments in given:
        asked = cli._parser().parse_args(arguments)
        for name in getattr(asked, "names", []):
            assert name.endswith(".py") or catalogue.named(name)
