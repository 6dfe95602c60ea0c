"""Measuring: every cell once, what cannot be is a stated gap, and a wrong expectation does not pass."""

from __future__ import annotations

import dataclasses
import threading
from types import MappingProxyType

import pytest

from pytest_mtls import (
    Credentials,
    CredentialState,
    DeadlineExceeded,
    Expected,
    Harness,
    Layer,
    NginxServer,
    NginxUnavailable,
    OcspResponder,
    VerifyMode,
)
from pytest_mtls.table import situations
from pytest_mtls.table.measure import Gap, MeasuredCell, Part, measure, plan
from pytest_mtls.table.situations import ServerSituation
from pytest_mtls.table.workers import measure_parts
from tests.generations.conftest import built

MODES = (VerifyMode.ON, VerifyMode.OPTIONAL)
SOME = (CredentialState.NONE, CredentialState.VALID, CredentialState.EXPIRED)


def cells(found: object) -> list[MeasuredCell]:
    """Without gaps, of which there must be none."""
    assert isinstance(found, list)
    assert all(isinstance(each, MeasuredCell) for each in found)
    return found


def test_every_cell_is_measured_once(harness: Harness) -> None:
    """In each mode, version of TLS and state; with what was seen, the rule behind it and a sentence."""
    part = Part(nginx="bundled", situation="plain", states=SOME)
    found = cells(list(measure(harness, part)))

    assert len(found) == len(part) == 4 * 2 * len(SOME)
    assert len(set(map(str, found))) == len(found)
    assert [each.differences for each in found] == [{}] * len(found)
    assert {each.engine for each in found} == {harness.engine.name}
    (expired,) = (
        each for each in found if (each.state, each.mode, each.tls) == (CredentialState.EXPIRED, VerifyMode.ON, "1.3")
    )
    assert expired.seen.words == "400 (495) certificate_expired"
    assert "internally 495" in expired.sentence
    assert expired.because
    assert expired.to_json()["verify_code"] == 10


def test_an_nginx_that_lacks_something_leaves_a_gap(process_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, and the number of cells that were not measured; the others go on."""
    built("bullseye")
    trusting = ServerSituation("trusted", "", lambda cast: {"client_ca": None, "trusted_ca": cast.authority})
    monkeypatch.setattr(situations, "SITUATIONS", MappingProxyType({"trusted": trusting}))
    (gap,) = measure(process_harness, Part(nginx="bullseye", situation="trusted", states=SOME))

    assert isinstance(gap, Gap)
    assert gap.cells == 24
    assert "1.27.2" in gap.why
    assert process_harness.servers == ()


def test_an_nginx_that_does_not_exist_is_an_error(process_harness: Harness) -> None:
    """It is no gap, and there is a list of those there are."""
    with pytest.raises(NginxUnavailable, match="bullseye, bookworm, trixie, forky"):
        list(measure(process_harness, Part(nginx="stretch", situation="plain")))


def test_whoever_stops_in_the_middle_leaves_nothing(process_harness: Harness) -> None:
    """The nginx is stopped with the iterator."""
    found = measure(process_harness, Part(nginx="bundled", situation="plain"))
    next(found)
    assert process_harness.servers
    found.close()  # type: ignore[attr-defined]

    assert process_harness.servers == ()


def test_a_responder_ends_with_its_situation(process_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its listener is closed too."""
    made: list[OcspResponder] = []

    def make(cast: Credentials) -> dict[str, object]:
        made.append(cast.authority.ocsp_responder())
        return {"ocsp": made[-1]}

    asking = ServerSituation("asking", "", make, MODES)
    monkeypatch.setattr(situations, "SITUATIONS", MappingProxyType({"asking": asking}))
    # What a responder will say is none of this test's concern.
    monkeypatch.setattr(NginxServer, "expected", lambda *_: Expected(accepted=True, layer=Layer.HTTP))
    before = threading.active_count()
    list(measure(process_harness, Part(nginx="bundled", situation="asking", modes=MODES, states=SOME[:1])))
    process_harness.close()

    assert len(made) == 1
    assert threading.active_count() <= before


def test_several_processes_measure_the_same(process_harness: Harness) -> None:
    """Each cell once, whoever measured it; only the order is another."""
    parts = plan(["bundled"], ["plain", "crl", "depth-0"], versions=["1.3"], states=SOME)
    alone = [each for part in measure_parts(parts, engine="process") for each in cells(part)]
    together = [each for part in measure_parts(parts, engine="process", workers=2) for each in cells(part)]

    assert {str(each): each.seen for each in together} == {str(each): each.seen for each in alone}
    assert len(together) == len(alone) == 3 * 4 * len(SOME)


def test_an_error_of_another_process_arrives() -> None:
    """As the error it is, not as a silence."""
    with pytest.raises(NginxUnavailable, match="bookworm"):
        list(measure_parts(plan(["stretch"], ["plain", "crl"]), engine="process", workers=2))


def test_a_wrong_expectation_is_seen(process_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error planted in what is expected of one state shows in its cells, and in no others."""
    right = NginxServer.expected

    def wrong(server: NginxServer, state: CredentialState) -> Expected:
        expected = right(server, state)
        return dataclasses.replace(expected, status=418) if state is CredentialState.VALID else expected

    monkeypatch.setattr(NginxServer, "expected", wrong)
    found = cells(list(measure(process_harness, Part(nginx="bundled", situation="plain", states=SOME))))

    assert {each.state for each in found if each.differences} == {CredentialState.VALID}
    assert found[-1].differences == {}
    assert {each.differences["status"] for each in found if each.differences} == {(418, 200)}


def test_processes_that_die_are_noticed() -> None:
    """Rather than waited for."""
    nonsense = [Part(nginx="bundled", situation="no-such-situation")] * 2

    with pytest.raises(DeadlineExceeded, match=r"exit status 1, 1\) before all was done"):
        list(measure_parts(nonsense, engine="process", workers=2))
