"""Each scenario that comes with the package: on the bundled nginx with both engines, and on every generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from conftest import open_harness
from pytest_mtls import CertificateAuthority, Harness
from pytest_mtls.generations import GENERATIONS
from pytest_mtls.nginx import bundle
from pytest_mtls.stage.catalogue import named, names
from pytest_mtls.stage.running import Result, Verdict, run
from tests.generations.conftest import built

SECONDS: Final = 3
"""What one may take with plain processes; none has to wait for a clock. A container alone takes half a second."""

# What the catalogue saw, for each scenario in which the five differ: bullseye, bookworm, trixie, forky, bundled.
DIFFERING: Final[Mapping[str, str]] = {
    "cross-sni-resume-hard-failure": "+++--",
    "cve-2025-23419-cross-vhost-resume": "-----",
    "default-protocols-moved": "++---",
    "error-wording-drift": "-++++",
    "large-client-cert-never-resumes": "+++--",
    "legacy-dn-slash": "+----",
    "ocsp-and-resumption": "/++++",
    "ocsp-unreachable-is-fatal": "/++++",
    "per-vhost-ssl-protocols": "+++--",
    "pinned-self-signed-beside-crl": "+++-+",
    "removed-ca-still-resumes": "--+++",
    "revoked-client-resumes-after-reload": "--+++",
    "self-signed-stranger-beside-crl": "---+-",
    "stale-crl-after-reload": "---++",
    "trusted-certificate-pem": "+++--",
    "upstream-keepalive-default-on": "---++",
    "verify-on-without-ssl-client-certificate": "+++--",
}
# Those that ask more of an engine than to run nginx: reloads, clocks, files, several servers, other protocols.
ASKING_MUCH: Final = frozenset(
    {
        "crl-not-yet-valid",
        "crl-update-needs-reload",
        "h2-coalescing-421",
        "mtls-not-on-plain-listener",
        "multi-line-cert-header",
        "ocsp-and-resumption",
        "oversize-client-chain",
        "revoked-client-resumes-after-reload",
        "revoked-client-resumes-ticket-key-file",
        "stale-crl-after-reload",
        "stream-verify-closes-silently",
        "trusted-certificate-pem",
        "upstream-identity-mixup-keepalive",
        "upstream-verify-gaps",
    }
)
_COLUMNS: Final = (*GENERATIONS, "bundled")
_SIGNS: Final = {"+": Verdict.SHOWS, "-": Verdict.ABSENT, "/": Verdict.NOT_APPLICABLE}


def seen_in_the_catalogue(scenario: str, nginx: str) -> Verdict:
    """What that nginx showed when the catalogue was made."""
    return _SIGNS[DIFFERING.get(scenario, "+++++")[_COLUMNS.index(nginx)]]


IN_CONTAINERS = [pytest.param(name, marks=() if name in ASKING_MUCH else pytest.mark.long) for name in names()]

# What is the same on all is asked of the oldest and of the newest in an ordinary run.
ON_GENERATIONS = [
    pytest.param(name, nginx, marks=() if name in DIFFERING or nginx in ("bullseye", "forky") else pytest.mark.long)
    for name in names()
    for nginx in GENERATIONS
]


@pytest.fixture(scope="module")
def processes() -> Iterator[Harness]:
    """One harness for all generations."""
    with Harness.open("process") as harness:
        yield harness


@pytest.fixture(scope="module")
def containers(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """One harness for all."""
    with open_harness("docker", request.config) as harness:
        yield harness


def test_there_are_enough() -> None:
    """At least the forty that were asked for; and every one that differs is there."""
    assert len(names()) >= 40
    assert set(DIFFERING) | ASKING_MUCH <= set(names())


@pytest.mark.parametrize("name", names())
def test_on_the_bundled_nginx(processes: Harness, name: str) -> None:
    """The problem shows where the catalogue saw it, and the safe set-up holds."""
    result = run(named(name), processes, "bundled")

    assert result.verdict is seen_in_the_catalogue(name, "bundled"), result.why
    _check_speed(result, processes)


@pytest.mark.parametrize("name", IN_CONTAINERS)
def test_in_containers(containers: Harness, name: str) -> None:
    """The same; a container's files cannot be rewritten in place."""
    result = run(named(name), containers, "bundled")

    in_place = name == "stale-crl-after-reload"
    expected = Verdict.NOT_APPLICABLE if in_place else seen_in_the_catalogue(name, "bundled")
    assert result.verdict is expected, result.why


@pytest.mark.parametrize("name, nginx", ON_GENERATIONS)
def test_on_each_generation(processes: Harness, name: str, nginx: str) -> None:
    """What the catalogue saw there."""
    built(nginx)

    result = run(named(name), processes, nginx)

    assert result.verdict is seen_in_the_catalogue(name, nginx), result.why
    _check_speed(result, processes)


def test_old_nginx_itself_asks_for_the_one_file(processes: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Usually that is said before nginx is started; here nginx says it."""
    built("trixie")
    monkeypatch.setattr(bundle, "refuse_what_is_missing", lambda specs, build: None)

    refusal = processes.refusal(client_ca=None, trusted_ca=CertificateAuthority(), nginx="trixie")

    assert refusal is not None
    assert "no ssl_client_certificate for ssl_verify_client" in refusal.reason


def _check_speed(result: Result, harness: Harness) -> None:
    """The better of two, where the first came while this machine had other things to do."""
    if result.engine == "process" and result.seconds >= SECONDS:
        assert run(named(result.scenario), harness, result.nginx).seconds < SECONDS
