"""The whole audit of one configuration, step by step."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_mtls.audit.attack import Attack, Report, Target
from pytest_mtls.audit.finding import Finding, Grade, merged
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.ground.exchange import Untried
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.places import Place
from pytest_mtls.site.reading import Server, Site

Progress = Callable[[int, int], Any]


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit came to.

    Attributes:
        path: of the configuration.
        findings: the worst first.
        untried: what could not be tried.
        places: where attacks were made.
        attacks: which were.
        nginx: the version that ran it.
        openssl: the OpenSSL it ran with.
        options: further options of the command line that asks the same.
    """

    path: Path
    findings: tuple[Finding, ...]
    untried: tuple[Untried, ...]
    places: tuple[str, ...]
    attacks: tuple[Attack, ...]
    nginx: str
    openssl: str
    options: tuple[str, ...] = ()

    @property
    def worst(self) -> Grade | None:
        """The worst grade; ``None`` where nothing was found."""
        return max((each.grade for each in self.findings), key=lambda each: each.weight, default=None)

    def at_or_above(self, grade: Grade) -> tuple[Finding, ...]:
        """Findings that are at least as bad."""
        return tuple(each for each in self.findings if each.grade.weight >= grade.weight)

    @property
    def counts(self) -> dict[Grade, int]:
        """How many findings there are of each grade, the worst first."""
        found = Counter(each.grade for each in self.findings)
        return {grade: found[grade] for grade in reversed(Grade)}

    def path_of(self, finding: Finding) -> str:
        """The file that a finding names, from the current folder on where it is below it or was named so."""
        return self._shown(self.path.resolve().parent / finding.file)

    def repeat(self, finding: Finding) -> str:
        """The command that shows it again, for a shell."""
        at = next((("--at", place) for place in finding.places if place in self.places), ())
        only = ("--only", finding.rule.name)
        return shlex.join(("pytest-mtls", "audit", self._shown(self.path), *only, *at, *self.options))

    def _shown(self, path: Path) -> str:
        if path.is_absolute() and self.path.is_absolute() and not path.is_relative_to(Path.cwd()):
            return str(path)
        return os.path.relpath(path)

    def to_json(self) -> dict[str, Any]:
        """For machines; what each key means stands in docs/audit.md."""
        return {
            "format": 1,
            "config": str(self.path),
            "nginx": self.nginx,
            "openssl": self.openssl,
            "worst": str(self.worst) if self.worst else None,
            "counts": {str(grade): count for grade, count in self.counts.items()},
            "places": list(self.places),
            "attacks": [each.name for each in self.attacks],
            "findings": [
                {**each.to_json(), "path": self.path_of(each), "repeat": self.repeat(each)} for each in self.findings
            ],
            "untried": [{"attack": each.attack, "place": each.place, "why": each.why} for each in self.untried],
        }


def audit(
    ground: Ground,
    attacks: Sequence[Attack],
    *,
    at: Iterable[str] = (),
    progress: Progress | None = None,
) -> Audit:
    """Make these attacks on every place, or on those that are named.

    Raises:
        InvalidArgument: no place is called so.
        NginxStartError: nginx does not start with the configuration.
    """
    places = _chosen(ground.places, list(at))
    untried = [each for each in ground.reachable if isinstance(each, Untried)]
    untried += ground.intent.idle(ground.places)
    steps = [(attack, target) for attack in attacks for target in _targets(attack, places, ground.site)]
    findings: list[Finding] = []
    for number, (attack, target) in enumerate(steps):
        if progress:
            progress(number, len(steps))
        for each in _made(attack, ground, target):
            if isinstance(each, Finding):
                findings.append(each)
            else:
                untried.append(each)
    return Audit(
        path=ground.path,
        findings=tuple(merged(findings)),
        untried=tuple(dict.fromkeys(untried)),
        places=tuple(map(str, places)),
        attacks=tuple(attacks),
        nginx=ground.server.version,
        openssl=ground.server.openssl_version,
        options=_options(ground),
    )


def _made(attack: Attack, ground: Ground, target: Target) -> Report:
    """What came of it; a request that no client can send, such as with a header of that name, is not tried."""
    try:
        yield from attack.run(ground, target)
    except InvalidArgument as error:
        yield attack.untried(target, str(error))


def _options(ground: Ground) -> tuple[str, ...]:
    declared = (
        *(("--protected", each) for each in ground.intent.protected),
        *(("--public", each) for each in ground.intent.public),
        *((("--nginx", ground.nginx),) if ground.nginx not in (None, BUNDLED) else ()),
        *((("--engine", ground.harness.engine.name),) if ground.harness.engine.name != "process" else ()),
    )
    return tuple(word for option in declared for word in option)


def _chosen(places: Sequence[Place], names: Sequence[str]) -> list[Place]:
    for name in names:
        if name not in map(str, places):
            raise InvalidArgument.not_one_of("--at", name, [str(each) for each in places])
    return [each for each in places if not names or str(each) in names]


def _targets(attack: Attack, places: Sequence[Place], site: Site) -> Sequence[Target]:
    if attack.of is Place:
        return places
    if attack.of is Server:
        return list(dict.fromkeys(each.server for each in places))
    return [site]
