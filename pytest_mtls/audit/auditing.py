"""The whole audit of one configuration, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_mtls.audit.attack import Attack, Target
from pytest_mtls.audit.finding import Finding, Grade, Untried, merged
from pytest_mtls.audit.ground import Ground
from pytest_mtls.audit.intent import Intent
from pytest_mtls.audit.places import Place, places_of
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.harness import Harness
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
    """

    path: Path
    findings: tuple[Finding, ...]
    untried: tuple[Untried, ...]
    places: tuple[str, ...]
    attacks: tuple[Attack, ...]
    nginx: str
    openssl: str

    @property
    def worst(self) -> Grade | None:
        """The worst grade; ``None`` where nothing was found."""
        return max((each.grade for each in self.findings), key=lambda each: each.weight, default=None)

    def at_or_above(self, grade: Grade) -> tuple[Finding, ...]:
        """Findings that are at least as bad."""
        return tuple(each for each in self.findings if each.grade.weight >= grade.weight)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "config": str(self.path),
            "nginx": self.nginx,
            "openssl": self.openssl,
            "places": list(self.places),
            "attacks": [each.name for each in self.attacks],
            "findings": [each.to_json() for each in self.findings],
            "untried": [{"attack": each.attack, "place": each.place, "why": each.why} for each in self.untried],
        }


def prepare(
    harness: Harness,
    path: Path,
    *,
    protected: Iterable[str] = (),
    public: Iterable[str] = (),
    nginx: str | None = None,
) -> Ground:
    """Read a configuration; nothing is started yet.

    Raises:
        InvalidArgument: it cannot be read; file and line are named.
    """
    site = Site.read(path)
    return Ground(harness, path, site, Intent(site, tuple(protected), tuple(public)), nginx)


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
    reachable = list(places_of(ground.site))
    places = _chosen([each for each in reachable if isinstance(each, Place)], list(at))
    untried = [each for each in reachable if isinstance(each, Untried)]
    steps = [(attack, target) for attack in attacks for target in _targets(attack, places, ground.site)]
    findings: list[Finding] = []
    for number, (attack, target) in enumerate(steps):
        if progress:
            progress(number, len(steps))
        for each in attack.run(ground, target):
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
    )


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
