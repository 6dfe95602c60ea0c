"""The scenarios as the causes' test data: what each shows leads back to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pytest_mtls import Harness, NginxServer, Outcome
from pytest_mtls.causes import CAUSES, fitting
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.evidence import Evidence
from pytest_mtls.explanation import evidence_of
from pytest_mtls.stage import catalogue, running
from pytest_mtls.symptoms import recognise
from tests.generations.conftest import built

# A refused start is no outcome, and its message is tested elsewhere; what an upstream answers that was not told a name
# is an ordinary 400 there.
NOT_SHOWN = {
    "verify-on-without-ssl_client_certificate",
    "verify-client-in-location",
    "glued-or-bom-pem",
    "upstream-sni-off-by-default",
}
OLD = {"cross-sni-resume-hard-failure", "default-protocols-moved"}


@pytest.mark.parametrize("identifier", [each.identifier for each in CAUSES if each.command])
def test_what_a_scenario_shows_leads_back_to_it(process_harness: Harness, identifier: str) -> None:
    """By its outcomes, or by nginx's log of it; those that only an old nginx has, on one."""
    nginx = built("bookworm").name if identifier in OLD else BUNDLED
    seen: set[Evidence] = set()

    @contextlib.contextmanager
    def watch(server: NginxServer) -> Iterator[NginxServer]:
        def note(outcome: Outcome) -> None:
            seen.add(evidence_of(outcome))
            seen.update(found for line in outcome.log if (found := recognise(line.encode())))

        server.observers.append(note)
        yield server
        seen.update(found for line in server.log if (found := recognise(line.encode())))

    running.run(catalogue.named(identifier), process_harness, nginx, watch)

    named = {cause.identifier for evidence in seen for cause in fitting(evidence)}
    assert (identifier in named) == (identifier not in NOT_SHOWN), sorted(named)
