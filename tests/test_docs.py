"""The how-to pages are run as they stand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
HOW_TO = DOCS / "from-a-bug-report.md"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", HOW_TO.read_text(), re.M | re.S)


def test_every_block_of_the_how_to_is_of_a_kind_that_is_run() -> None:
    """Suites and commands."""
    assert [language for language, _ in BLOCKS] == ["python", "console", "python", "python"]


def test_the_how_to_s_suites_pass_as_they_stand(engine: str, pytester: pytest.Pytester) -> None:
    """Each block is a file of its own."""
    suites = [text for language, text in BLOCKS if language == "python"]
    for number, text in enumerate(suites):
        (pytester.path / f"test_block_{number}.py").write_text(text)

    result = pytester.runpytest_subprocess(f"--mtls-engine={engine}", timeout=120)

    result.assert_outcomes(passed=4)


def test_the_how_to_s_command_names_the_cause() -> None:
    """As the text around it says."""
    (command,) = (text.strip().removeprefix("$ ") for language, text in BLOCKS if language == "console")

    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)

    assert "crl-missing-for-intermediate" in done.stdout


def test_no_page_points_at_a_file_that_is_not_there() -> None:
    """Links between the pages of this repository."""
    root = DOCS.parent
    missing = [
        f"{page.relative_to(root)}: {target}"
        for page in [root / "README.md", *DOCS.rglob("*.md"), *root.glob("*/README.md")]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert missing == []
