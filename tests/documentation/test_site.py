"""The site: built with warnings as errors, and no link in it is dead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import pytest_mtls
from tests.browser import Page
from tests.documentation.blocks import DOCS, ROOT


@dataclass(slots=True)
class _Seen:
    """What a page has that links are about.

    Attributes:
        anchors: what a link can lead to.
        links: as they are written.
    """

    anchors: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    """Collects both."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = _Seen()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.seen.anchors.add(value)
            if name in ("href", "src") and value:
                self.seen.links.add(value)


@pytest.fixture(scope="module")
def pages(site: Path) -> Mapping[Path, _Seen]:
    """What every page has."""
    found = {}
    for path in site.rglob("*.html"):
        reader = _Reader()
        reader.feed(path.read_text(encoding="utf-8"))
        found[path.resolve()] = reader.seen
    return found


def _dead(pages: Mapping[Path, _Seen]) -> Iterator[str]:
    for page, seen in pages.items():
        for link in seen.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            known = pages.get(target)
            if not target.is_file() or (parts.fragment and known and unquote(parts.fragment) not in known.anchors):
                yield f"{page.name}: {link}"


def test_no_link_within_the_site_is_dead(pages: Mapping[Path, _Seen]) -> None:
    """Nor an anchor; links to elsewhere are not followed."""
    assert len(pages) > 100
    assert sorted(_dead(pages)) == []


def test_a_dead_link_would_be_found(pages: Mapping[Path, _Seen], site: Path) -> None:
    """Both kinds."""
    page = (site / "index.html").resolve()
    links = _Seen(anchors=set(), links={"nowhere.html", "tutorial.html#nowhere", "https://example.org/nowhere"})

    assert sorted(_dead({**pages, page: links})) == ["index.html: nowhere.html", "index.html: tutorial.html#nowhere"]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No font, script or picture of another's server."""
    loaded = re.compile(r'<(?:script|img|link rel="(?:stylesheet|preload|icon)")[^>]*(?:src|href)="(https?:[^"]+)"')

    assert {url for page in site.rglob("*.html") for url in loaded.findall(page.read_text(encoding="utf-8"))} == set()


def test_everything_public_has_its_place_in_the_reference(pages: Mapping[Path, _Seen]) -> None:
    """Each name of the front door, once."""
    there = [anchor for page, seen in pages.items() if page.parent.name == "reference" for anchor in seen.anchors]
    places = {name: there.count(f"pytest_mtls.{name}") for name in pytest_mtls.__all__ if name != "__version__"}

    assert {name: count for name, count in places.items() if count != 1} == {}


def test_no_page_points_at_a_file_that_is_not_there() -> None:
    """As GitHub shows them: links between the pages of this repository."""
    missing = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [ROOT / "README.md", *DOCS.rglob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")]
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert missing == []


@pytest.mark.parametrize("width", [390, 1600], ids=["phone", "wide"])
def test_a_page_fits_the_screen(reader: Page, site: Path, width: int) -> None:
    """Nothing but tables and code is scrolled sideways, and these within their own frames."""
    for name in ("index", "tutorial", "what-nginx-really-does", "troubleshooting", "reference/servers", "audit"):
        reader.open(site / f"{name}.html", width=width)
        assert reader.width <= width, name
        assert reader.complaints() == []
