"""Invariant: asked all along, and wrong as soon as one answer was."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pytest_mtls import CertificateAuthority, Fleet, Harness, InvalidArgument, Invariant, NginxServer
from pytest_mtls.deadline import Deadline, wait_until

Serve = Callable[..., NginxServer]


@pytest.fixture
def ca() -> CertificateAuthority:
    return CertificateAuthority("Invariant CA")


def test_a_revocation_rolls_out_and_nobody_good_notices(serve: Serve, ca: CertificateAuthority) -> None:
    """Reload after reload, server after server."""
    alice, mallory = ca.issue_client("alice"), ca.issue_client("mallory")
    fleet = Fleet.of(serve, 2, client_ca=ca, crl=ca.crl())

    with Invariant(fleet, always=[alice], refused=[mallory], every=0.001) as invariant:
        for _ in range(3):
            fleet.roll(crl=ca.crl())
        ca.revoke(mallory)
        fleet.roll(crl=ca.crl())
        invariant.roll_out_finished()

    assert invariant.violations == ()
    assert invariant.asked > 8
    assert not any("invariant" in thread.name for thread in threading.enumerate())


def test_a_good_client_that_was_refused_for_a_moment_is_found(serve: Serve, ca: CertificateAuthority) -> None:
    """Though all is well again at the end; the message has the time, the server and the reason."""
    alice = ca.issue_client("alice")
    first, second = serve(client_ca=ca), serve(client_ca=ca)

    def update_wrongly() -> None:
        with Invariant([first, second], always=[alice], every=0.01) as invariant:
            second.update(client_ca=CertificateAuthority("Wrong"))
            wait_until(lambda: invariant.violations, Deadline.after(10), awaited="a violation")
            second.update(client_ca=ca)

    with pytest.raises(AssertionError) as caught:
        update_wrongly()

    said = str(caught.value)
    assert said.startswith("After ")
    assert f"{second.url} broke the rule that alice is always let in" in said
    assert first.url not in said.partition("\n")[0]
    assert "internally 495" in said


def test_a_revoked_client_that_still_gets_in_is_found(serve: Serve, ca: CertificateAuthority) -> None:
    """One server of the fleet was forgotten: it is named, by the last look at everybody at the latest."""
    mallory = ca.issue_client("mallory")
    told, forgotten = serve(client_ca=ca, crl=ca.crl()), serve(client_ca=ca, crl=ca.crl())
    ca.revoke(mallory)

    def forget_one() -> None:
        with Invariant([told, forgotten], refused=[mallory]) as invariant:
            told.update(crl=ca.crl())
            invariant.roll_out_finished()

    with pytest.raises(AssertionError, match="mallory is refused once the roll-out is over") as caught:
        forget_one()

    assert forgotten.url in str(caught.value).partition("\n")[0]


def test_before_the_roll_out_is_over_the_revoked_may_do_what_they_can(serve: Serve, ca: CertificateAuthority) -> None:
    """And a client without a certificate can be among either."""
    mallory = ca.issue_client("mallory")
    nginx = serve(client_ca=ca, crl=ca.crl(), verify="optional")

    with Invariant(nginx, always=[None], refused=[mallory]) as invariant:
        ca.revoke(mallory)
        assert nginx.request(credential=mallory).accepted
        nginx.update(crl=ca.crl())
        invariant.roll_out_finished()

    assert invariant.asked >= 2


def test_a_server_that_is_gone_lets_nobody_in(process_harness: Harness) -> None:
    """Which breaks the rule for the good, and keeps it for the others."""
    alice, nginx = process_harness.ca.issue_client("alice"), process_harness.nginx()

    with pytest.raises(AssertionError, match=r"alice is always let in\.\n\nThis server was stopped"):
        with Invariant(nginx, always=[alice]):
            nginx.stop()
    with Invariant(nginx, refused=[alice]) as invariant:
        invariant.roll_out_finished()
    assert invariant.asked >= 1


def test_an_error_of_the_test_comes_first(process_harness: Harness) -> None:
    """Whatever was seen meanwhile."""
    nginx = process_harness.nginx()

    with pytest.raises(ZeroDivisionError):
        with Invariant(nginx, always=[None], refused=[process_harness.ca.issue_client()]):
            _ = 1 / 0


def test_an_invariant_that_looks_at_nothing_is_refused(process_harness: Harness) -> None:
    """Nobody to ask as, a roll-out that is never over, things that are no credential."""
    nginx, alice = process_harness.nginx(), process_harness.ca.issue_client("alice")

    with pytest.raises(InvalidArgument, match="nobody to ask as"):
        Invariant(nginx)
    with pytest.raises(InvalidArgument, match="'alice' is neither a Credential nor None"):
        Invariant(nginx, always=["alice"])  # type: ignore[list-item]
    with pytest.raises(InvalidArgument, match="are lists of credentials"):
        Invariant(nginx, always=alice)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="every=0"):
        Invariant(nginx, always=[alice], every=0)
    with pytest.raises(InvalidArgument, match="timeout='1'"):
        Invariant(nginx, always=[alice], timeout="1")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=r"roll_out_finished\(\) was never called"):
        with Invariant(nginx, refused=[alice]):
            pass
