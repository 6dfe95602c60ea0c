"""``pytest-mtls audit --html``: an audit as one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from pytest_mtls.audit.auditing import Audit
from pytest_mtls.audit.finding import Finding, Grade
from pytest_mtls.audit.text import alike, attacked, numbered, sentence
from pytest_mtls.ground.exchange import ALL, Exchange
from pytest_mtls.report.page import chips, choice, filters, page

_LEAD: Final = (
    "The configuration ran in a real nginx, with authorities and certificates made for it and a recorder for "
    "an application. Every finding was demonstrated: it says what was sent and what came back."
)
_MEANING: Final = {
    Grade.CRITICAL: "Somebody gets in who should not, or under a name that is not theirs.",
    Grade.WARNING: "Open under a condition that is not in this configuration's hands, or shut for somebody who should "
    "get in.",
    Grade.NOTE: "Worth knowing; nothing is open.",
}
_HEADINGS: Final = {Grade.CRITICAL: "Critical", Grade.WARNING: "Warnings", Grade.NOTE: "Notes"}
_CLASSES: Final = {Grade.CRITICAL: "failing", Grade.WARNING: "doubtful", Grade.NOTE: "mere"}


def audit_page(found: Audit) -> str:
    """The whole page."""
    grades = [grade for grade, count in found.counts.items() if count]
    body = [
        chips(_facts(found)),
        _filters(found, grades),
        *(_section(found, grade) for grade in grades),
        *([] if grades else ['<p class="clean">Nothing was found.</p>']),
        _untried(found),
        _attacks(found),
        _places(found.places),
    ]
    return page(f"Audit of {found.path}", _LEAD, "\n".join(body), none_left="No finding is like that.")


def _facts(found: Audit) -> Iterator[tuple[str, str]]:
    for grade, count in found.counts.items():
        if count:
            yield numbered(grade, count), "bad" if grade is Grade.CRITICAL else ""
    if not found.findings:
        yield "nothing found", "good"
    if found.untried:
        yield f"{len(found.untried)} not tried", ""
    yield attacked(found), ""
    yield f"nginx {found.nginx}, OpenSSL {found.openssl}", ""


def _filters(found: Audit, grades: Sequence[Grade]) -> str:
    if not found.findings:
        return ""
    return filters(
        "finding, file or place", [choice("grade", "grade", list(map(str, grades)))], example="header", of="findings"
    )


def _section(found: Audit, grade: Grade) -> str:
    articles = "\n".join(_finding(found, each) for each in found.findings if each.grade is grade)
    return (
        f'<section><h2>{_HEADINGS[grade]}</h2>\n<p class="lead">{escape(_MEANING[grade])}</p>\n{articles}\n</section>'
    )


def _finding(found: Audit, finding: Finding) -> str:
    exchanges = "\n".join(_exchange(each) for each in finding.exchanges)
    facts = {
        "also at": ", ".join(finding.places[1:]),
        "why": finding.rule.why,
        "mend": finding.rule.mend,
    }
    entries = "".join(f"<dt>{term}</dt><dd>{escape(fact)}</dd>" for term, fact in facts.items() if fact)
    return (
        f'<article class="finding {_CLASSES[finding.grade]}" data-find data-grade="{finding.grade}">\n'
        f"<h3>{escape(finding.rule.title)}</h3>\n"
        f'<p class="place"><b>{escape(found.path_of(finding))}:{finding.line}</b> '
        f"<code>{escape(finding.written)}</code></p>\n"
        f"<p>{escape(sentence(finding.fact))}</p>\n"
        f'<ol class="exchanges">\n{exchanges}\n</ol>\n'
        f"<dl>{entries}<dt>repeat</dt><dd><pre>{escape(found.repeat(finding))}</pre></dd>"
        f"<dt>rule</dt><dd><code>{escape(finding.rule.name)}</code></dd></dl>\n</article>"
    )


def _exchange(exchange: Exchange) -> str:
    return (
        f"<li><dl><dt>sent</dt><dd><code>{escape(exchange.sent)}</code></dd>"
        f"<dt>came back</dt><dd><code>{escape(exchange.seen)}</code></dd></dl>{_received(exchange)}</li>"
    )


def _received(exchange: Exchange) -> str:
    """What the application had before it, for whoever asks."""
    forwarded = exchange.outcome.forwarded
    if forwarded is None or not forwarded.fields:
        return ""
    fields = "\n".join(f"{name}: {value}" for name, value in forwarded.fields)
    return f"<details><summary>what the application received</summary><pre>{escape(fields)}</pre></details>"


def _untried(found: Audit) -> str:
    items = "".join(
        f"<li>{'' if attack == ALL else f'<b>{escape(attack)}</b> at '}{escape(', '.join(places))}: {escape(why)}</li>"
        for (attack, why), places in alike(found.untried).items()
    )
    return f'<h2>Not tried</h2><ul class="notes">{items}</ul>' if items else ""


def _attacks(found: Audit) -> str:
    rows = "\n".join(
        f'<tr><th scope="row"><code>{escape(each.name)}</code></th><td>{escape(each.tries)}</td>'
        f"<td>{_result(found, each.name)}</td></tr>"
        for each in found.attacks
    )
    head = "".join(f'<th scope="col">{title}</th>' for title in ("attack", "what it does", "findings"))
    return (
        f'<h2>Attacks made</h2>\n<table class="attacks"><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>'
    )


def _result(found: Audit, attack: str) -> str:
    count = sum(each.attack == attack for each in found.findings)
    return str(count) if count else "none"


def _places(places: Sequence[str]) -> str:
    items = "".join(f"<li><code>{escape(each)}</code></li>" for each in places)
    return f'<h2>Places attacked</h2><ul class="places">{items}</ul>'
