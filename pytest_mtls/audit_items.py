"""Attacks on a configuration as items of a user's own suite: ``pytest --mtls-audit=deploy/nginx.conf``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_mtls import options
from pytest_mtls.audit.attack import Attack
from pytest_mtls.audit.auditing import Audit, audit
from pytest_mtls.audit.catalogue import ATTACKS
from pytest_mtls.audit.declared import Declared, declared_for
from pytest_mtls.audit.finding import Finding
from pytest_mtls.audit.text import Texts, alike, named
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.errors import MtlsError
from pytest_mtls.ground.exchange import ALL
from pytest_mtls.ground.ground import Ground, prepare
from pytest_mtls.report.session import NOT_TRIED
from pytest_mtls.report.terminal import Paint
from pytest_mtls.sessions import harness_of
from pytest_mtls.site.reading import Site

_NODE: Final = "mtls-audit"
_WIDTH: Final = 100
_GROUNDS: Final = pytest.StashKey[dict[tuple[Path, str], "Ground | MtlsError"]]()


_SAID: Final = pytest.StashKey[set[tuple[str, str]]]()


class AuditFailed(Exception):
    """An attack came to findings."""


class Audits(pytest.Collector):
    """All configurations that were asked for."""

    def collect(self) -> Iterable[pytest.Collector]:
        """One collector for each."""
        for name, path in options.audited(self.config).items():
            yield AuditedConfiguration.from_parent(self, name=name, configuration=path)


class AuditedConfiguration(pytest.Collector):
    """One configuration."""

    def __init__(self, *, configuration: Path, **node: Any) -> None:
        super().__init__(**node)
        self._configuration = configuration

    def collect(self) -> Iterable[pytest.Item]:
        """One item for each attack and nginx."""
        try:
            declared = declared_for(self._configuration, self.config.rootpath).with_more(
                fail_on=options.audit_fail_on(self.config)
            )
            Site.read(self._configuration)
        except MtlsError as error:
            raise self.CollectError(str(error)) from error
        return list(self._items(declared))

    def _items(self, declared: Declared) -> Iterator[pytest.Item]:
        for nginx in options.nginx_names(self.config) or [BUNDLED]:
            for attack in ATTACKS:
                yield AuditItem.from_parent(
                    self,
                    name=f"{attack.name}[{nginx}]",
                    named=self.name,
                    configuration=self._configuration,
                    declared=declared,
                    attack=attack,
                    nginx=nginx,
                )


class AuditItem(pytest.Item):
    """One attack on one configuration."""

    # What the session makes ready for tests that use these fixtures, it makes ready for this one too.
    fixturenames = ("mtls_engine",)

    def __init__(
        self, *, named: str, configuration: Path, declared: Declared, attack: Attack, nginx: str, **node: Any
    ) -> None:
        super().__init__(**node)
        self._named = named
        self._configuration = configuration
        self._declared = declared
        self._attack = attack
        self._nginx = nginx

    def setup(self) -> None:
        """Start the configuration, once: what is open before a test runs is not the test's to close."""
        self._ground()

    def runtest(self) -> None:
        """Make the attack; findings at or above the grade that was asked for are its failure."""
        found = audit(self._ground(), (self._attack,))
        texts = Texts(_WIDTH, Paint(False))
        threshold = self._declared.threshold
        failing = found.at_or_above(threshold) if threshold else ()
        if further := [each for each in found.findings if each not in failing]:
            self.add_report_section("call", "mTLS audit", "\n".join(_told(texts, found, further)).rstrip())
        self.user_properties += [(NOT_TRIED, f"{self._named}: {said}") for said in self._untried(found)]
        if failing:
            raise AuditFailed("\n".join(_told(texts, found, failing)).rstrip())

    def _untried(self, found: Audit) -> Iterator[str]:
        """What this attack could not try; what none could, once."""
        said = self.config.stash.setdefault(_SAID, set())
        for (attack, why), places in alike(found.untried).items():
            line = f"{'' if attack == ALL else f'{attack} at '}{named(places)}: {why}"
            if (self._named, line) not in said:
                said.add((self._named, line))
                yield line

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was found, without the frames that led there."""
        if isinstance(excinfo.value, AuditFailed | MtlsError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The configuration."""
        return self._configuration, 0, self.name

    def _ground(self) -> Ground:
        """The configuration, running; shared by all attacks on it."""
        grounds = self.config.stash.setdefault(_GROUNDS, {})
        key = self._configuration, self._nginx
        if key not in grounds:
            grounds[key] = self._started()
        ground = grounds[key]
        if isinstance(ground, MtlsError):
            pytest.fail(str(ground), pytrace=False)
        return ground

    def _started(self) -> Ground | MtlsError:
        try:
            ground = prepare(
                harness_of(self.config),
                self._configuration,
                protected=self._declared.protected,
                public=self._declared.public,
                nginx=self._nginx,
            )
            _ = ground.server
        except MtlsError as error:
            return error
        return ground


def _told(texts: Texts, found: Audit, findings: Iterable[Finding]) -> Iterator[str]:
    for each in findings:
        yield from texts.finding(found, each)
        yield ""


def with_audits(session: pytest.Session, report: pytest.CollectReport) -> pytest.CollectReport:
    """What a session collected, and the audits after it."""
    if report.passed:
        report.result = [*report.result, Audits.from_parent(session, name=_NODE, nodeid=_NODE)]
    return report
