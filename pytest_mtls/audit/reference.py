"""What each attack may find, as a section of a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_mtls.audit.catalogue import ATTACKS
from pytest_mtls.audit.text import markdown

BEGIN: Final = "<!-- rules: begin (python -m pytest_mtls.audit docs/audit.md) -->\n"
END: Final = "<!-- rules: end -->\n"


def with_rules(page: str) -> str:
    """The page, with every rule between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{''.join(_rules())}\n{END}{after}"


def _rules() -> Iterator[str]:
    for attack in ATTACKS:
        yield f"\n### {attack.name}\n\n{markdown(attack.tries[0].upper() + attack.tries[1:])}.\n"
        for rule in attack.rules:
            yield f"\n**{rule.name}** ({rule.grade}): {markdown(rule.title)}.\n"
            yield f"\n- Why: {markdown(rule.why)}\n- Mend: {markdown(rule.mend)}\n"
