"""Whoever pastes a text that stands in the troubleshooting page is told the same by `pytest-mtls explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pytest_mtls.causes import fitting
from pytest_mtls.symptoms import recognise
from tests.documentation.blocks import DOCS

PAGE = DOCS / "troubleshooting.md"
LOGGED = "2026/01/01 00:00:00 [info] 7#7: *1 "


def _rows() -> Iterator[object]:
    quoted = PAGE.read_text(encoding="utf-8").partition("## What others print")[2].partition("\n## ")[0]
    for section in quoted.split("\n### ")[1:]:
        in_a_log = section.startswith("In nginx's error log")
        for text, cause in re.findall(r"^\| `([^`]+)` \| .* \| [\[`]([\w.-]+)", section, re.M):
            prefix = LOGGED if in_a_log and not text.startswith("nginx:") else ""
            yield pytest.param(prefix + text, cause, id=text[:60])


@pytest.mark.parametrize("text, cause", [*_rows()])
def test_a_text_is_explained_as_the_page_says(text: str, cause: str) -> None:
    """The likeliest cause."""
    evidence = recognise(text.encode())

    assert evidence is not None
    assert fitting(evidence)[0].identifier == cause


def test_the_page_has_the_texts_of_every_client() -> None:
    """None of them is missed by the pattern above."""
    page = PAGE.read_text(encoding="utf-8").partition("## What others print")[2].partition("\n## ")[0]

    assert len([*_rows()]) == len(re.findall(r"^\| `", page, re.M)) > 50
