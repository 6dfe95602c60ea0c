"""The audit finds what is wrong, where it is, and nothing that is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import Harness
from pytest_mtls.audit.auditing import Audit, audit, prepare
from pytest_mtls.audit.catalogue import ATTACKS
from pytest_mtls.audit.finding import Grade
from tests.audit.mistakes import certificates, headers
from tests.audit.mistakes.mistake import SOUND, Mistake

MISTAKES = (*certificates.MISTAKES, *headers.MISTAKES)


@pytest.fixture
def attacked(process_harness: Harness) -> Iterator[Harness]:
    """Leaves nothing running."""
    before = set(process_harness.servers)
    yield process_harness
    for server in set(process_harness.servers) - before:
        process_harness.discard(server)


def audited(harness: Harness, path: Path, nginx: str | None = None) -> Audit:
    return audit(prepare(harness, path, nginx=nginx), ATTACKS)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_found_with_its_line(mistake: Mistake, attacked: Harness, tmp_path: Path) -> None:
    """The grade is right too, and nothing else is found to be as bad elsewhere."""
    found = audited(attacked, mistake.plant(tmp_path), mistake.nginx)

    hits = [each for each in found.findings if each.rule.name == mistake.rule]
    assert [(str(each.grade), each.file, each.line) for each in hits] == [
        (mistake.grade, mistake.line[0], mistake.number(tmp_path))
    ], [str(each.to_json()) for each in found.findings]
    assert all(each.exchanges for each in hits)


@pytest.mark.parametrize("name", sorted(each.name for each in SOUND.iterdir() if each.is_dir()))
def test_a_sound_configuration_has_nothing_above_a_note(name: str, attacked: Harness) -> None:
    """Notes are allowed; they are true of it."""
    found = audited(attacked, SOUND / name / "nginx.conf")

    assert [each.to_json() for each in found.at_or_above(Grade.WARNING)] == []
    assert found.places
