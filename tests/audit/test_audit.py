"""The audit finds what is wrong, where it is, and nothing that is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import Harness
from pytest_mtls.audit.auditing import Audit, audit
from pytest_mtls.audit.catalogue import chosen
from pytest_mtls.audit.finding import Grade
from pytest_mtls.ground.ground import prepare
from tests.audit.mistakes import (
    certificates,
    headers,
    hosts,
    identity,
    paths,
    plain_http,
    revocation_lists,
    sessions,
    subjects,
    upstreams,
)
from tests.audit.mistakes.mistake import SOUND, Mistake
from tests.audit.twins import EXAMPLES, TWINS, Twin

MISTAKES = (
    *certificates.MISTAKES,
    *headers.MISTAKES,
    *identity.MISTAKES,
    *revocation_lists.MISTAKES,
    *subjects.MISTAKES,
    *upstreams.MISTAKES,
    *hosts.MISTAKES,
    *sessions.MISTAKES,
    *plain_http.MISTAKES,
    *paths.MISTAKES,
)


@pytest.fixture
def attacked(process_harness: Harness) -> Iterator[Harness]:
    """Leaves nothing running."""
    before = set(process_harness.servers)
    yield process_harness
    for server in set(process_harness.servers) - before:
        process_harness.discard(server)


def audited(harness: Harness, path: Path, *only: str, nginx: str | None = None) -> Audit:
    return audit(prepare(harness, path, nginx=nginx), chosen(only))


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_found_with_its_line(mistake: Mistake, attacked: Harness, tmp_path: Path) -> None:
    """The grade is right too, and it is found in no other line."""
    found = audited(attacked, mistake.plant(tmp_path), mistake.rule, nginx=mistake.nginx)

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


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/deploy/**/nginx.conf")), ids=lambda path: str(path.parent))
def test_an_example_is_sound(path: Path, attacked: Harness) -> None:
    """What we show people holds."""
    found = audited(attacked, path)

    assert [each.to_json() for each in found.at_or_above(Grade.WARNING)] == []
    assert found.places


@pytest.mark.parametrize("twin", TWINS, ids=str)
def test_the_broken_twin_of_an_example_is_caught(twin: Twin, attacked: Harness, tmp_path: Path) -> None:
    """In the file that has the mistake, and as bad as it is."""
    found = audited(attacked, twin.plant(tmp_path))

    responsible = Path(twin.config).parent
    files = {str(responsible / each.file) for each in found.findings if str(each.grade) == twin.grade}
    assert (twin.responsible or twin.edit[0]) in files
