"""Each generation of nginx does what the oracle says of it, and says what its version says."""

from __future__ import annotations

import pytest

from pytest_mtls import CredentialState, Harness, VerifyMode, oracle
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.generations import GENERATIONS
from pytest_mtls.oracle import Change
from tests.generations.cells import SITUATIONS, measure
from tests.generations.conftest import built

# As processes all of it; in containers, which are slower to ask, what differs between versions.
MEASURED = [
    *(("process", situation) for situation in SITUATIONS),
    *(("docker", situation) for situation in ("plain", "crl", "depth-0", "stream")),
]


@pytest.mark.parametrize("harness, situation", MEASURED, indirect=["harness"], scope="session")
def test_each_generation_does_what_the_oracle_says(harness: Harness, generation: str, situation: str) -> None:
    """The whole cast in every mode; ``python -m tests.generations.truth`` does it with both versions of TLS."""
    in_containers = harness.engine.name == "docker"
    modes = (VerifyMode.ON, VerifyMode.OPTIONAL_NO_CA) if in_containers else tuple(VerifyMode)
    stalls = generation == "bullseye" and "stream" in situation  # see cells.py
    version = "1.2" if stalls or situation in ("depth-0", "http2") else "1.3"

    found = list(measure(harness, generation, situation, modes=modes, versions=[version]))

    assert len(found) == len(modes) * len(CredentialState)
    assert {cell.name: cell.differences for cell in found if cell.differences} == {}


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
    tls = "1.2"  # see the note on nginx 1.18 in cells.py
    assert server.request(tls=tls).accepted

    server.update(verify="on")

    assert not server.request(tls=tls).accepted
    assert server.request(credential=harness.credentials[CredentialState.VALID], tls=tls).accepted
    harness.discard(server)


@pytest.mark.parametrize(
    "change, nginx, situation, state",
    [
        (Change.DEPTH_HIDES_THE_ISSUER, "bookworm", "depth-0", CredentialState.VIA_INTERMEDIATE),
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
    modes = [VerifyMode.OPTIONAL_NO_CA]

    assert all(not cell.differences for cell in measure(process_harness, asked, situation, modes=modes, states=[state]))
    monkeypatch.setattr(change, "since", planted)

    assert all(cell.differences for cell in measure(process_harness, asked, situation, modes=modes, states=[state]))


def test_every_difference_between_versions_has_a_source() -> None:
    """Where a reader can check it."""
    assert all(change.source and change.since for change in oracle.Change)
