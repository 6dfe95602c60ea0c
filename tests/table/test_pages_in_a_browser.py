"""The pages as a reader has them: in a real browser, wide and narrow, light and dark, by pointer and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import Page
from tests.table.conftest import NAMES, SITUATIONS, STATES

PHONE = 375
ROWS = "tr[data-find]"

# Relative luminance and contrast as WCAG 2.2 defines them.
_CONTRASTS = """
const channel = (value) => value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((each) => channel(Number(each)));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
return [...document.querySelectorAll(".cell")].map((cell) => {
  const style = getComputedStyle(cell);
  const [dark, light] = [luminance(style.color), luminance(style.backgroundColor)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
});
"""


@pytest.fixture(params=["table", "report"])
def either(request: pytest.FixtureRequest) -> Path:
    """Both pages, for what both promise."""
    path: Path = request.getfixturevalue(f"{request.param}_file")
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_needs_nothing_from_elsewhere(page: Page, either: Path, dark: bool) -> None:
    """Nothing is loaded beside the file, and every colour can be read on its ground."""
    page.open(either, dark=dark)

    assert page.js("return performance.getEntriesByType('resource').length") == 0
    assert min(page.js(_CONTRASTS)) >= 4.5
    assert page.js("return getComputedStyle(document.body).backgroundColor") == (
        "rgb(16, 21, 29)" if dark else "rgb(255, 255, 255)"
    )


def test_a_page_fits_a_phone(page: Page, either: Path) -> None:
    """No sideways scrolling, each cell within the screen, and the reason at its foot while the cell stays in sight."""
    page.open(either, width=PHONE, height=800)

    assert page.width <= PHONE
    assert all(each.rect["x"] + each.rect["width"] <= PHONE for each in page.all(".cell"))
    cell = page.all(".cell")[-1]
    cell.click()
    (why,) = page.all("#why")
    assert (why.rect["x"], why.rect["width"]) == (0, PHONE)
    assert page.js("return arguments[0].getBoundingClientRect().bottom", cell) <= page.js(
        "return arguments[0].getBoundingClientRect().top", why
    )
    assert page.width <= PHONE


def test_every_row_is_there_until_it_is_filtered(page: Page, table_file: Path) -> None:
    """Credentials in each situation and version of TLS; choices narrow them, together, and say how many are left."""
    page.open(table_file)
    every = len(STATES) * len(SITUATIONS) * 2

    assert len(page.all(ROWS)) == every
    page.choose("situation", "depth-0")
    assert len(page.all(ROWS)) == every / 2
    page.choose("tls", "1.3")
    assert page.texts(".section b") == ["depth-0, TLS 1.3"]
    page.choose("find", "expi")
    assert page.texts(f"{ROWS} code") == ["expired"]
    assert page.texts(".filters output") == [f"1 of {every} rows"]
    page.choose("find", "no such credential")
    assert page.texts(".empty") == ["No row is like that."]


def test_a_mode_can_be_chosen(page: Page, table_file: Path) -> None:
    """One column is left, and its head with it."""
    page.open(table_file)
    page.choose("mode", "optional_no_ca")

    assert page.texts("thead th") == ["credential", "optional_no_ca"]
    assert {each.get_attribute("data-mode") for each in page.all("td")} == {"optional_no_ca"}


def test_differences_stand_out(page: Page, table_file: Path) -> None:
    """Only rows where two nginx did otherwise are left, and each cell says of which nginx it is."""
    page.open(table_file)
    page.choose("marked", "yes")
    page.choose("situation", "plain")
    page.choose("tls", "1.3")
    page.choose("mode", "on")

    assert page.texts(f"{ROWS} code") == ["weak-key"]
    assert sorted(page.texts(".cell .names")) == sorted(NAMES)
    page.choose("nginx", "bullseye")
    (cell,) = page.all(".cell")
    assert cell.text.startswith("200 SUCCESS")


def test_a_click_shows_the_reason_and_another_hides_it(page: Page, table_file: Path) -> None:
    """What was measured, the rule and where it was measured; it stays until something else is clicked."""
    page.open(table_file)
    page.choose("find", "expired")
    (cell,) = page.all('tbody[data-situation=plain][data-tls="1.2"] td[data-mode=on] .cell')
    cell.click()

    (why,) = page.all("#why")
    assert why.text.startswith("expired · on · plain, TLS 1.2")
    assert "nginx answered 400 (internally 495" in why.text
    assert "FAILED:certificate has expired" in why.text
    assert "bullseye (1.18.0)" in why.text
    assert cell.get_attribute("aria-expanded") == "true"
    page.all("h1")[0].click()
    assert page.all("#why") == []
    assert cell.get_attribute("aria-expanded") is None


def test_pointing_is_enough(page: Page, table_file: Path) -> None:
    """The reason comes at a glance, goes with the pointer, and does not cover the cell."""
    page.open(table_file)
    cell = page.all(".cell.refused")[0]
    page.point_at(cell)

    (why,) = page.all("#why")
    assert why.rect["y"] >= cell.rect["y"] + cell.rect["height"] or why.rect["y"] + why.rect["height"] <= cell.rect["y"]
    page.point_at(page.all("h1")[0])
    assert page.all("#why") == []


def test_the_keyboard_is_enough(page: Page, table_file: Path) -> None:
    """Tab reaches the cells, arrows go between them, Enter shows the reason, Escape goes back to where one was."""
    page.open(table_file)
    for _ in range(20):
        page.press(Keys.TAB)
        if "cell" in str(page.focused.get_attribute("class")):
            break
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    cell = page.focused
    assert cell.text == "200 SUCCESS"

    page.press(Keys.ENTER)
    (why,) = page.all("#why")
    assert why.text.startswith("valid · on · ")
    assert page.focused == why
    page.press(Keys.ESCAPE)
    assert page.all("#why") == []
    assert page.focused == cell


def test_the_heading_stays_while_one_reads_on(page: Page, table_file: Path) -> None:
    """Column heads at the top, wherever one is in the table."""
    page.open(table_file, height=500)
    page.js("window.scrollTo(0, 1200)")

    assert page.js("return document.querySelector('thead th').getBoundingClientRect().top") == 0


def test_on_paper_the_reasons_are_listed(page: Page, either: Path) -> None:
    """Without filters; each cell names the number of its reason."""
    page.open(either, media="print")

    assert page.all(".filters") == []
    reasons = page.all(".reasons li")
    assert len(reasons) > 3
    numbers = {int(str(each.get_attribute("data-reason"))) for each in page.all(".cell")}
    assert numbers == set(range(1, len(reasons) + 1))


def test_what_nobody_tested_can_be_seen_in_a_report(page: Page, report_file: Path) -> None:
    """Hatched; and the tests behind a cell are named, as text whatever is in their names."""
    page.open(report_file)
    page.choose("mode", "optional_no_ca")
    page.choose("find", "self-signed")
    assert set(page.texts(".matrix td")) == {"not tested"}

    page.choose("find", "own")
    page.all(".matrix .cell")[0].click()
    (why,) = page.all("#why")
    assert "test_it.py::test_it[<b>alice</b>]" in why.text
    assert page.js("return document.querySelectorAll('b').length") == 0


def test_paper_is_white_and_wide_enough(page: Page, either: Path) -> None:
    """Whatever the screen is: A4 at 96 dpi, less its margins."""
    page.open(either, width=718, height=1000, dark=True, media="print")

    assert page.js("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.width <= 718
