"""The catalogue in docs/scenarios."""

from __future__ import annotations

from pathlib import Path

from pytest_mtls.stage.catalogue import names
from pytest_mtls.stage.pages import INDEX, pages, write

FOLDER = Path(__file__).parent.parent.parent / "docs" / "scenarios"


def test_the_pages_are_up_to_date() -> None:
    """`python -m pytest_mtls.stage docs/scenarios` makes them so."""
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == pages()


def test_each_scenario_has_a_page_that_the_index_names() -> None:
    """With everything its file says."""
    made = pages()

    assert set(made) == {INDEX, *(f"{name}.md" for name in names())}
    assert all(f"({name}.md)" in made[INDEX] for name in names())
    assert all(label in made["crl-expired.md"] for label in ("Symptom", "Cause", "Safe", "Versions", "Source"))
    assert "def problem(stage: Stage) -> bool:" in made["crl-expired.md"]


def test_the_page_of_one_that_is_gone_goes_too(tmp_path: Path) -> None:
    """So that nobody reads of what is no longer there."""
    (tmp_path / "gone.md").write_text("gone")

    write(tmp_path)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == pages()
