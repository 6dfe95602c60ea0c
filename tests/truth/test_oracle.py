"""The oracle's tables: a wrong row cannot pass, a real server is recognised, and what is not known is not foretold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest

from pytest_mtls import (
    CertificateAuthority,
    CredentialState,
    Harness,
    InvalidArgument,
    NginxServer,
    Ocsp,
    OcspBehaviour,
    Outcome,
    ServerArguments,
    VerifyMode,
    VirtualServer,
)
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import Protocol
from pytest_mtls.oracle import Crl, CrlAge, Situation, answer, expect, recognition, verification
from pytest_mtls.oracle.cast import AUTHORITIES, CAST, Certificate, Shown
from pytest_mtls.oracle.recognition import STATUSES, refuse_what_is_not_known, situation_of
from pytest_mtls.oracle.situation import COMPLETE, OcspStatus
from pytest_mtls.pki.pem import certificate_pem
from pytest_mtls.pki.states import Credentials
from pytest_mtls.reasons import TOLERATED_BY_OPTIONAL_NO_CA
from pytest_mtls.table.situations import SITUATIONS

S = CredentialState
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """One cell as it was measured."""

    state: CredentialState
    situation: Situation
    build: NginxBuild
    outcome: Outcome

    @property
    def fits(self) -> bool:
        return self.outcome.matches(expect(self.state, self.situation, self.build))


@pytest.fixture(scope="module")
def measured() -> list[Seen]:
    """The whole cast in the situations that together use every row."""
    with Harness.open("process") as harness:
        return list(_measure(harness))


def _measure(harness: Harness) -> Iterator[Seen]:
    cast = harness.credentials
    used = ("plain", "crl", "crl-missing-intermediate", "depth-2", "depth-3", "depth-3-crl", "expired-root", "pinned")
    for situation in (*(SITUATIONS[name].make(cast) for name in used), _everybody(cast)):
        modes = (VerifyMode.ON, VerifyMode.OPTIONAL_NO_CA)
        servers = harness.start([ServerArguments(**{**situation, "verify": mode}) for mode in modes], shared=True)
        for server in servers:
            recognised = situation_of(server.spec.default, server.spec.protocol, None, cast)
            for state in CredentialState:
                outcome = server.request(credential=cast[state])
                yield Seen(state, recognised, server.running.build, outcome)
        for server in servers:
            harness.discard(server)


def _everybody(cast: Credentials) -> dict[str, Any]:
    """Every CA is trusted, so that who signed whom cannot hide behind a CA that nobody knows."""
    for state in CredentialState:
        assert cast[state] is not None or state is S.NONE
    known = [certificate_pem(certificate) for name, certificate in cast.made.items() if name in AUTHORITIES]
    return {"client_ca": b"".join(known), "depth": 3}


def test_the_oracle_is_right_before_anything_is_planted(measured: list[Seen]) -> None:
    """Or the tests below would prove nothing."""
    assert [(str(seen.state), seen.situation) for seen in measured if not seen.fits] == []


def _wrong_certificates(certificate: Certificate) -> Iterator[Certificate]:
    """Every field, wrong. Where the same error would come last either way, a wrong issuer makes no difference."""
    yield replace(certificate, errors=() if certificate.errors else (47,))
    if not {9, 10, 47} & set(certificate.errors):
        yield replace(certificate, issuer="nobody")
    if certificate.path_length is not None:
        yield replace(certificate, path_length=None)


def _wrong_rows() -> Iterator[Any]:
    for state, shown in CAST.items():
        if state is S.WRONG_KEY:
            continue  # its certificate is never looked at: TLS fails first
        for number, leaf in enumerate(_wrong_certificates(shown.leaf)):
            if 47 in leaf.errors and "constrained" in shown.sent:
                continue  # the same error comes last anyway
            yield pytest.param(state, Shown(leaf, shown.sent), id=f"{state}-leaf-{number}")
        if shown.sent:
            yield pytest.param(state, Shown(shown.leaf), id=f"{state}-not-sent")


@pytest.mark.parametrize("state, wrong", list(_wrong_rows()))
def test_a_wrong_row_of_the_cast_is_reported(
    measured: list[Seen], monkeypatch: pytest.MonkeyPatch, state: CredentialState, wrong: Shown
) -> None:
    """Each field of each row counts somewhere."""
    monkeypatch.setattr(verification, "CAST", {**CAST, state: wrong})

    assert not all(seen.fits for seen in measured if seen.state is state)


@pytest.mark.parametrize(
    "name, wrong",
    [
        pytest.param(name, wrong, id=f"{name}-{number}")
        for name, certificate in AUTHORITIES.items()
        for number, wrong in enumerate(_wrong_certificates(certificate))
    ],
)
def test_a_wrong_row_of_the_authorities_is_reported(
    measured: list[Seen], monkeypatch: pytest.MonkeyPatch, name: str, wrong: Certificate
) -> None:
    """The same for what signs."""
    monkeypatch.setattr(verification, "AUTHORITIES", {**AUTHORITIES, name: wrong})

    assert not all(seen.fits for seen in measured)


@pytest.mark.parametrize("code", sorted(TOLERATED_BY_OPTIONAL_NO_CA - {27}))
def test_an_error_that_is_wrongly_not_tolerated_is_reported(
    measured: list[Seen], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Of the five, all but the one that needs a certificate marked as distrusted (TRUSTED CERTIFICATE in PEM)."""
    monkeypatch.setattr(answer, "TOLERATED_BY_OPTIONAL_NO_CA", TOLERATED_BY_OPTIONAL_NO_CA - {code})

    assert not all(seen.fits for seen in measured)


@pytest.mark.parametrize("code", [2, 3, 7, 9, 10, 23, 25, 26, 34, 47, 66, 68])
def test_an_error_that_is_wrongly_tolerated_is_reported(
    process_harness: Harness, measured: list[Seen], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Every other that the cast can bring about."""
    cells = measured if code != 2 else [_only_the_intermediate(process_harness)]
    monkeypatch.setattr(answer, "TOLERATED_BY_OPTIONAL_NO_CA", TOLERATED_BY_OPTIONAL_NO_CA | {code})

    assert not all(seen.fits for seen in cells)


def _only_the_intermediate(harness: Harness) -> Seen:
    cast = harness.credentials
    server = harness.nginx(verify="optional_no_ca", client_ca=cast.intermediate)
    situation = situation_of(server.spec.default, server.spec.protocol, None, cast)
    outcome = server.request(credential=cast[S.VIA_INTERMEDIATE])
    harness.discard(server)
    return Seen(S.VIA_INTERMEDIATE, situation, server.running.build, outcome)


@pytest.mark.parametrize("behaviour", sorted(set(STATUSES) - {OcspBehaviour.HANGING}), ids=str)
def test_a_wrong_row_about_a_responder_is_reported(
    process_harness: Harness, monkeypatch: pytest.MonkeyPatch, behaviour: OcspBehaviour
) -> None:
    """What nginx makes of each behaviour."""
    with process_harness.ca.ocsp_responder(behaviour=behaviour) as responder:
        server = process_harness.nginx(ocsp=responder)
        outcome = server.request(credential=process_harness.credentials[S.VALID])
        assert outcome.differences(server.expected(S.VALID)) == {}

        for wrong in set(OcspStatus) - {STATUSES[behaviour]}:
            monkeypatch.setattr(recognition, "STATUSES", MappingProxyType({**STATUSES, behaviour: wrong}))
            assert not outcome.matches(server.expected(S.VALID))
        process_harness.discard(server)


def recognised(server: NginxServer, cast: Credentials, **changes: Any) -> bool:
    """Whether a server's situation is the default one but for these changes."""
    expected = replace(Situation(verify=VerifyMode.ON), **changes)
    return situation_of(server.spec.default, server.spec.protocol, None, cast) == expected


def test_a_server_s_situation_is_recognised(process_harness: Harness) -> None:
    """By its files, not by how they were asked for."""
    cast = process_harness.credentials
    pinned = cast[S.PINNED_SELF_SIGNED]
    assert pinned is not None
    now = datetime.now(timezone.utc)
    everybody_s = dict(COMPLETE.items())
    without = {name: crl for name, crl in everybody_s.items() if name != "intermediate"}
    stale = {name: replace(crl, age=CrlAge.EXPIRED) for name, crl in everybody_s.items()}
    early = {name: replace(crl, age=CrlAge.NOT_YET_VALID) for name, crl in everybody_s.items()}
    expired, fresh = cast.crl_bundle(next_update=now - DAY), cast.crl_bundle()
    trusted = frozenset({"authority"})
    table: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"depth": 3}, {"depth": 3}),
        ({"crl": True}, {"crls": everybody_s}),
        ({"crl": fresh}, {"crls": everybody_s}),
        ({"crl": cast.crl_bundle(without=[cast.intermediate])}, {"crls": without}),
        ({"crl": expired}, {"crls": stale}),
        ({"crl": cast.crl_bundle(last_update=now + DAY)}, {"crls": early}),
        ({"crl": expired + fresh}, {"crls": everybody_s}),
        ({"crl": fresh + expired}, {"crls": everybody_s}),
        ({"crl": CertificateAuthority("Another CA").crl()}, {"crls": {}}),
        ({"client_ca": CertificateAuthority("Another CA")}, {"trusted": frozenset()}),
        ({"client_ca": cast.unknown}, {"trusted": frozenset({"unknown"})}),
        ({"client_ca": cast.unknown, "trusted_ca": cast.authority}, {"trusted": trusted | {"unknown"}}),
        ({"client_ca": cast.trust_pem}, {"trusted": trusted | {"expired_root"}}),
        ({"client_ca": pinned.certificate_pem}, {"trusted": frozenset({S.PINNED_SELF_SIGNED})}),
    ]

    for arguments, changes in table:
        server = process_harness.nginx(**arguments)
        assert recognised(server, cast, **changes), arguments
        process_harness.discard(server)


def test_revoking_is_foreseen_when_the_list_says_so(process_harness: Harness) -> None:
    """Whatever the cast's own word for it is."""
    cast = process_harness.credentials
    valid, revoked = cast[S.VALID], cast[S.REVOKED]
    assert valid is not None
    assert revoked is not None
    server = process_harness.nginx(crl=cast.authority.crl(extra=[valid], without=[revoked]))

    for state in (S.VALID, S.REVOKED, S.VIA_INTERMEDIATE):
        outcome = server.request(credential=cast[state])
        assert outcome.differences(server.expected(state)) == {}
    assert server.expected(S.VALID).reason == "certificate_revoked"
    assert server.expected(S.REVOKED).accepted


def test_each_virtual_server_has_its_own_situation(process_harness: Harness) -> None:
    """Its CA, its CRL, its responder."""
    cast = process_harness.credentials
    with cast.authority.ocsp_responder(behaviour="unknown") as responder:
        server = process_harness.nginx(
            virtual_servers=[
                VirtualServer("a.test"),
                VirtualServer("b.test", client_ca=CertificateAuthority("Partner CA")),
                VirtualServer("c.test", crl=True),
                VirtualServer("d.test", ocsp=responder),
                VirtualServer("e.test", verify="optional_no_ca", client_ca=cast.unknown),
            ]
        )
        reasons = {}
        for name in ("a.test", "b.test", "c.test", "d.test", "e.test"):
            for state in (S.VALID, S.REVOKED, S.UNKNOWN_CA):
                expected = server.expected(state, server_name=name)
                outcome = server.request(credential=cast[state], server_name=name)
                assert outcome.differences(expected) == {}, (name, state)
                reasons[name, state] = expected.reason

    assert reasons["c.test", S.REVOKED] == "certificate_revoked"
    assert reasons["d.test", S.VALID] == "ocsp_status_unknown"
    assert reasons["e.test", S.UNKNOWN_CA] is None


def test_what_cannot_be_foreseen_is_not_foretold(process_harness: Harness) -> None:
    """An error, never a guess."""
    ca = process_harness.ca
    with (
        ca.ocsp_responder() as responder,
        ca.ocsp_responder(behaviour="hanging") as hanging,
        ca.ocsp_responder(lifetime=timedelta(seconds=-1)) as late,
    ):
        for arguments, said in (
            ({"directives": "ssl_verify_depth 7;"}, "lines of your own"),
            ({"error_pages": {495: 403}}, "lines of your own"),
            ({"client_ca": CertificateAuthority(ca.certificate.subject)}, "called .* as one of the cast is"),
            ({"ocsp": Ocsp("http://127.0.0.1:1/")}, "the OCSP responder 'http://127.0.0.1:1/'"),
            ({"ocsp": Ocsp(responder, cache="shared:foretold:1m")}, "in its OCSP cache"),
            ({"ocsp": hanging}, "gives? none|give none"),
            ({"ocsp": late}, "how late"),
        ):
            server = process_harness.nginx(**arguments)
            with pytest.raises(InvalidArgument, match=rf"expected\(\).*{said}"):
                server.expected(CredentialState.VALID)
            process_harness.discard(server)


@pytest.mark.parametrize(
    "version, known",
    [("1.27.2", False), ("1.28.2", False), ("1.28.3", True), ("1.29.0", False), ("1.29.6", False), ("1.29.7", True)],
)
def test_what_was_never_measured_is_not_foretold(process_harness: Harness, version: str, known: bool) -> None:
    """nginx that asks by OCSP in stream and ignores the answer."""
    with process_harness.ca.ocsp_responder() as responder:
        server = process_harness.nginx(protocol="stream", ocsp=responder)
        build = replace(server.running.build, version=version)

        with contextlib.nullcontext() if known else pytest.raises(InvalidArgument, match="CVE-2026-28755"):
            refuse_what_is_not_known(server.spec, build)
        refuse_what_is_not_known(replace(server.spec, protocol=Protocol.HTTP), build)


def test_a_crl_of_one_name_by_another_key_is_no_crl(process_harness: Harness) -> None:
    """OpenSSL says so with a number of its own; nothing is foretold that was not measured."""
    ca = process_harness.ca
    server = process_harness.nginx(crl=ca.crl(signed_by=CertificateAuthority(ca.certificate.subject)))

    with pytest.raises(InvalidArgument, match=r"expected\(\).*signed"):
        server.expected(CredentialState.VALID)


def test_the_default_crl_is_of_everybody_the_server_could_know() -> None:
    """And lists the two that are revoked."""
    assert set(COMPLETE) == {name for name in AUTHORITIES if not name.startswith("unknown")}
    assert {name for crl in COMPLETE.values() for name in crl.revoked} == {S.REVOKED, "revoked_intermediate"}
    assert Crl() == Crl(CrlAge.CURRENT, frozenset())
