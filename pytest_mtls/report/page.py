"""One self-contained page: what the report of a suite and the truth table share. It loads nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from pytest_mtls.escapes import printable
from pytest_mtls.report.verdict import Meaning, Verdict

_HERE: Final = Path(__file__).parent


class Reasons:
    """What stands behind the cells of a page: each text once, however many cells have it."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number under which that HTML is found on the page."""
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def html(self) -> str:
        """All of them, for whoever prints the page or has no JavaScript."""
        items = "\n".join(
            f'<li id="reason-{number}" class="reason">{text}</li>' for text, number in self._numbers.items()
        )
        return f'<section class="reasons"><h2>Reasons</h2><ol>\n{items}\n</ol></section>'


def reason(sentence: str, facts: Mapping[str, str], wrong: str = "") -> str:
    """What stands behind a cell.

    Args:
        sentence: what happened.
        facts: term -> what is known of it; those without any are left out.
        wrong: what is to be worried about.
    """
    entries = "".join(f"<dt>{escape(term)}</dt><dd>{escape(fact)}</dd>" for term, fact in facts.items() if fact)
    alarm = f'<p class="wrongly">{escape(wrong)}</p>' if wrong else ""
    return f"<p>{escape(sentence)}</p>{alarm}" + (f"<dl>{entries}</dl>" if entries else "")


def cell(
    verdict: Verdict,
    number: int,
    *,
    names: Sequence[str] = (),
    label: bool = False,
    times: int = 1,
    wrong: bool = False,
) -> str:
    """A cell that shows its reason when it is asked to.

    Args:
        verdict: what it says.
        number: of its reason.
        names: which nginx it is of, where a page has several.
        label: whether it must say so, since others did otherwise.
        times: how often it was seen.
        wrong: whether something else was expected.
    """
    kind = f"{verdict.meaning} wrong" if wrong else str(verdict.meaning)
    of = f' data-nginx="{escape(" ".join(names))}"' if names else ""
    said = f'<span class="names">{escape(", ".join(names))}</span>' if label else ""
    alarm = '<span class="disagrees">something else was expected</span>' if wrong else ""
    count = f' <span class="times">&times;{times}</span>' if times > 1 else ""
    return (
        f'<button type="button" class="cell {kind}" data-reason="{number}"{of}>'
        f"{breakable(verdict.words)}{count}{said}{alarm}</button>"
    )


def breakable(text: str) -> str:
    """Text that may break after an underscore."""
    return re.sub("_(?=.)", "_<wbr>", escape(text))


def choice(name: str, label: str, values: Sequence[str]) -> str:
    """A filter that chooses one of a few values; none where there is nothing to choose."""
    if len(values) < 2:
        return ""
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return f'<label>{escape(label)}<select name="{name}"><option value="">all</option>{options}</select></label>'


def filters(find: str, choices: Iterable[str], marked: str = "", *, example: str = "expired", of: str = "rows") -> str:
    """The filters of a page.

    Args:
        find: what can be searched.
        choices: see :func:`choice`.
        marked: what rows that are marked have in common; ``""`` where none is.
        example: of a search.
        of: what is counted.
    """
    check = f'<label class="check"><input type="checkbox" name="marked">{escape(marked)}</label>' if marked else ""
    return (
        f'<form class="filters" role="search" aria-label="filters" autocomplete="off" data-of="{escape(of)}">'
        f'<label class="wide">{escape(find)}'
        f'<input type="search" name="find" placeholder="such as {escape(example)}"></label>'
        f'{"".join(choices)}{check}<output aria-live="polite"></output></form>'
    )


def legend(meanings: Iterable[Meaning]) -> str:
    """What the colours mean."""
    used = set(meanings)
    items = "".join(
        f'<li><span class="swatch {meaning}" aria-hidden="true"></span>{escape(meaning.words)}</li>'
        for meaning in Meaning
        if meaning in used
    )
    return f'<ul class="legend" aria-label="colours">{items}</ul>'


def chips(facts: Iterable[tuple[str, str]]) -> str:
    """Short facts at the top: text and ``good``, ``bad`` or ``""``."""
    items = "".join(f'<li class="{kind}">{escape(text)}</li>' for text, kind in facts)
    return f'<ul class="chips">{items}</ul>'


def page(title: str, lead: str, body: str, *, none_left: str = "No row is like that.") -> str:
    """A whole page.

    Args:
        title: as text.
        lead: a sentence below it, as text.
        body: as HTML.
        none_left: what is said where the filters leave nothing.
    """
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return printable(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n<body>\n"
        f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n{body}\n'
        f'<p class="empty" role="status" hidden>{escape(none_left)}</p>\n'
        '<aside id="why" role="dialog" aria-labelledby="why-title" tabindex="-1" hidden><h3 id="why-title"></h3>'
        '<button type="button" class="close" aria-label="close">✕</button><div class="reason"></div></aside>\n'
        f"<script>\n{script}</script>\n</body></html>\n"
    )
