"""The audit in containers, as with plain processes."""

from __future__ import annotations

from pathlib import Path

from pytest_mtls import Harness
from pytest_mtls.audit.auditing import audit
from pytest_mtls.audit.catalogue import chosen
from pytest_mtls.ground.ground import prepare
from tests.audit.mistakes import certificates, headers, sessions, upstreams

TELLING = (certificates.MISTAKES[0], headers.MISTAKES[0], sessions.MISTAKES[0], upstreams.MISTAKES[0])
"""One that asks, one that reads what arrived, one that reloads, one that needs a second nginx behind."""


def test_what_is_found_does_not_depend_on_the_engine(docker_harness: Harness, tmp_path: Path) -> None:
    """And nothing is left running by an attack."""
    for mistake in TELLING:
        folder = tmp_path / mistake.name
        folder.mkdir()
        ground = prepare(docker_harness, mistake.plant(folder), nginx=mistake.nginx)

        found = audit(ground, chosen([mistake.rule]))

        hits = [each for each in found.findings if each.rule.name == mistake.rule]
        seen = [(str(each.grade), each.file, each.line) for each in hits]
        assert seen == [(mistake.grade, mistake.line[0], mistake.number(folder))]
        assert docker_harness.servers == (ground.server,)
        docker_harness.discard(ground.server)
