"""An attack: what is tried, where, and by which function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_mtls.audit.finding import Finding, Grade, Rule
from pytest_mtls.ground.exchange import Exchange, Untried
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.site.reading import Server, Site

Target = Place | Server | Site
Report = Iterator[Finding | Untried]


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of attack.

    Attributes:
        name: for machines, and for ``--only``.
        tries: what it does, in a sentence.
        of: what it is made on: each place, each server, or once on the whole site.
        run: makes it on one of these.
        rules: the kinds of finding it may come to.
    """

    name: str
    tries: str
    of: type[Place] | type[Server] | type[Site]
    run: Callable[[Ground, Any], Report]
    rules: tuple[Rule, ...]

    def found(
        self,
        rule: Rule,
        fact: str,
        directive: Directive,
        *exchanges: Exchange,
        at: object,
        grade: Grade | None = None,
    ) -> Finding:
        """A finding of this attack.

        Args:
            rule: its kind.
            fact: what was shown.
            directive: what is responsible.
            exchanges: the demonstration.
            at: where it was shown.
            grade: where it is another than the rule's.
        """
        return Finding(
            rule=rule,
            grade=grade or rule.grade,
            attack=self.name,
            fact=fact,
            directive=directive,
            places=(str(at),),
            exchanges=exchanges,
        )

    def untried(self, at: object, why: str) -> Untried:
        """What this attack could not try."""
        return Untried(self.name, str(at), why)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {"name": self.name, "tries": self.tries, "rules": [each.to_json() for each in self.rules]}
