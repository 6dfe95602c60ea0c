"""Each generation of nginx does what the oracle says of it, and says what its version says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_mtls import CredentialState, Harness, VerifyMode, oracle
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.generations import GENERATIONS
from pytest_mtls.oracle import Change
from pytest_mtls.table.measure import Gap, MeasuredCell, Part, measure
from pytest_mtls.table.situations import SITUATIONS, named
from tests.generations.conftest import built

# As processes all of it; in containers, which are slower to ask, what differs between versions, and some of that in
# every run: what they run is the same file.
MEASURED = [
    *(("process", situation) for situation in (*SITUATIONS, "ocsp@stream")),
    *(("docker", situation) for situation in ("plain", "ocsp")),
    *(pytest.param("docker", each, marks=pytest.mark.long) for each in ("crl", "depth-0", "stream", "pinned-crl")),
]
# In every run the oldest and the newest: what lies between is like one of them.
ASKED = [pytest.param(name, marks=() if name in ("bullseye", "forky") else pytest.mark.long) for name in GENERATIONS]
# Between them they tell the four modes apart: `off` looks at nothing, `optional` differs for `none` alone.
TELLING = (VerifyMode.ON, VerifyMode.OPTIONAL_NO_CA)


@pytest.mark.parametrize("generation", ASKED, indirect=True)
@pytest.mark.parametrize("harness, situation", MEASURED, indirect=["harness"], scope="session")
def test_each_generation_does_what_the_oracle_says(harness: Harness, generation: str, situation: str) -> None:
    """The whole cast; ``make truth`` does it in every mode and transport, with both versions of TLS."""
    modes = named(situation).modes
    modes = modes if situation == "plain" else tuple(mode for mode in modes if mode in TELLING)
    version = "1.2" if situation in ("depth-0", "http2", "stream-crl") else "1.3"
    part = Part(nginx=generation, situation=situation, modes=modes, versions=(version,))

    found = list(measure(harness, part))
    cells = [each for each in found if isinstance(each, MeasuredCell)]

    if not cells:
        assert situation == "ocsp@stream" or (generation == "bullseye" and situation.startswith("ocsp"))
        assert generation != "forky"
        return
    assert len(cells) == len(part)
    assert {str(cell): cell.differences for cell in cells if cell.differences} == {}


def test_each_generation_is_the_version_it_is_said_to_be(harness: Harness, generation: str) -> None:
    """And runs with its own OpenSSL, not with this machine's."""
    server = harness.nginx(nginx=generation)
    build = server.running.build
    expected = GENERATIONS[generation]

    assert build.version.startswith(expected.nginx)
    assert build.openssl_version.startswith(expected.openssl)
    assert server.request().nginx == build.version
    harness.discard(server)


WORDS = {
    "bullseye": ("self signed certificate", "unsupported certificate purpose", "certificate is not yet valid"),
    "bookworm": ("self-signed certificate", "unsuitable certificate purpose", "certificate is not yet valid"),
    "trixie": ("self-signed certificate", "unsuitable certificate purpose", "certificate is not yet valid"),
    "forky": (
        "self-signed certificate",
        "unsuitable certificate purpose",
        "certificate is not yet valid or the system clock is incorrect",
    ),
}


def test_words_change_with_the_version_and_reasons_do_not(harness: Harness, generation: str) -> None:
    """Whoever compares ``$ssl_client_verify`` with a text is wrong after the next upgrade."""
    server = harness.nginx(nginx=generation, verify="on")
    states = (CredentialState.SELF_SIGNED, CredentialState.SERVER_AUTH_ONLY, CredentialState.NOT_YET_VALID)
    outcomes = [server.request(credential=harness.credentials[state]) for state in states]
    harness.discard(server)

    assert tuple(outcome.verify for outcome in outcomes) == tuple(f"FAILED:{word}" for word in WORDS[generation])
    assert [outcome.verify_code for outcome in outcomes] == [18, 26, 9]


@pytest.mark.parametrize("protocol", ["http", "stream"])
def test_a_reload_works_on_each_generation(harness: Harness, generation: str, protocol: str) -> None:
    """The new configuration is in force when it returns, and the module that is loaded stays so."""
    server = harness.nginx(nginx=generation, verify="optional", protocol=protocol)
    assert server.request().accepted

    server.update(verify="on")

    assert not server.request().accepted
    assert server.request(credential=harness.credentials[CredentialState.VALID]).accepted
    harness.discard(server)


@pytest.mark.parametrize(
    "change, nginx, situation, state",
    [
        (Change.DEPTH_IS_NOT_THE_LAST_WORD, "bookworm", "depth-0", CredentialState.VIA_INTERMEDIATE),
        (Change.PACKAGERS_CHOOSE_LEVEL_2, "bookworm", "plain", CredentialState.WEAK_KEY),
        (Change.LEVEL_2_BY_DEFAULT, BUNDLED, "plain", CredentialState.SHA1_SIGNATURE),
        (Change.NO_CRL_FOR_SELF_SIGNED, "forky", "crl", CredentialState.SELF_SIGNED),
    ],
    ids=str,
)
@pytest.mark.parametrize("planted", [(9, 9), (0,)], ids=["never", "ever"])
def test_a_wrong_version_in_the_table_is_reported(
    process_harness: Harness,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    nginx: str,
    situation: str,
    state: CredentialState,
    planted: tuple[int, ...],
) -> None:
    """A row that names another version cannot pass: on one side or the other of it an nginx disagrees."""
    older = {"bookworm": "bullseye", "forky": "trixie", BUNDLED: "bullseye"}
    asked = nginx if planted == (9, 9) else older[nginx]
    for name in {asked} - {BUNDLED}:
        built(name)
    part = Part(nginx=asked, situation=situation, modes=(VerifyMode.OPTIONAL_NO_CA,), states=(state,))

    assert all(not _differences(cell) for cell in measure(process_harness, part))
    monkeypatch.setattr(change, "since", planted)

    assert all(_differences(cell) for cell in measure(process_harness, part))


def _differences(cell: MeasuredCell | Gap) -> Mapping[str, object]:
    assert isinstance(cell, MeasuredCell)
    return cell.differences


def test_every_difference_between_versions_has_a_source() -> None:
    """Where a reader can check it."""
    assert all(change.source and change.since for change in oracle.Change)
