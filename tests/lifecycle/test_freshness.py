"""keep_fresh(): a CRL published every so often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pytest_mtls import (
    CertificateAuthority,
    Fleet,
    Harness,
    InvalidArgument,
    MtlsError,
    NginxServer,
    ServerGone,
    keep_fresh,
)
from pytest_mtls.deadline import Deadline, wait_until

Serve = Callable[..., NginxServer]


def test_what_is_revoked_is_refused_after_the_next_publication(serve: Serve) -> None:
    """On every server of a fleet; nobody else is."""
    ca = CertificateAuthority("Fresh CA")
    alice, mallory = ca.issue_client("alice"), ca.issue_client("mallory")
    fleet = Fleet.of(serve, 2, client_ca=ca)

    with keep_fresh(fleet, ca, every=0.05) as crl:
        assert all(server.request(credential=mallory).accepted for server in fleet.servers)
        ca.revoke(mallory)
        crl.await_next()
        refused = [server.request(credential=mallory).reason for server in fleet.servers]
        let_in = [server.request(credential=alice).accepted for server in fleet.servers]

    assert refused == ["certificate_revoked"] * 2
    assert let_in == [True] * 2
    assert crl.published >= 2
    assert not any("CRL publication" in thread.name for thread in threading.enumerate())


def test_a_short_lived_crl_stays_in_force_only_while_it_is_kept_fresh(serve: Serve) -> None:
    """More than a lifetime later all is well; another one after the end, nobody is let in."""
    ca = CertificateAuthority("Fresh CA")
    alice = ca.issue_client("alice")
    nginx = serve(client_ca=ca)

    with keep_fresh(nginx, ca, every=0.3, lifetime=timedelta(seconds=2)) as crl:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            outcome = nginx.request(credential=alice)
            assert outcome.accepted, outcome.explain()
            time.sleep(0.1)
    refused = wait_until(
        lambda: None if (outcome := nginx.request(credential=alice)).accepted else outcome,
        Deadline.after(10),
        awaited="the CRL to expire",
    )

    assert refused.reason == "crl_expired"
    assert crl.published > 3


def test_the_test_may_change_the_same_server_meanwhile(serve: Serve, harness: Harness) -> None:
    """One change at a time: neither undoes the other."""
    nginx = serve(verify="on")
    mallory = harness.ca.issue_client("mallory")

    with keep_fresh(nginx, harness.ca, every=0.001) as crl:
        for depth in (2, 3, 4):
            assert nginx.update(depth=depth).applied
        nginx.update(verify="optional")
        harness.ca.revoke(mallory)
        crl.await_next()

    assert "ssl_verify_depth 4;" in nginx.config
    assert nginx.request().accepted
    assert nginx.request(credential=mallory).reason == "certificate_revoked"


def test_what_goes_wrong_surfaces_at_the_end_and_where_it_is_waited_for(process_harness: Harness) -> None:
    """A server that is gone cannot be told anything."""
    nginx = process_harness.nginx()

    def stop_meanwhile() -> None:
        with keep_fresh(nginx, process_harness.ca, every=0.01) as crl:
            nginx.stop()
            with pytest.raises(ServerGone):
                crl.await_next(timeout=5)

    with pytest.raises(ServerGone):
        stop_meanwhile()


def test_an_error_of_the_test_comes_first(process_harness: Harness) -> None:
    """What happens on the thread does not hide it."""
    nginx = process_harness.nginx()

    def fail_meanwhile() -> None:
        with keep_fresh(nginx, process_harness.ca, every=0.01):
            nginx.stop()
            time.sleep(0.1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()


@pytest.mark.parametrize(
    "arguments",
    [
        {"every": 0},
        {"every": "1"},
        {"every": True},
        {"every": 1, "lifetime": timedelta(0)},
        {"every": 1, "lifetime": 3},
    ],
    ids=str,
)
def test_bad_arguments_are_refused_before_anything_is_published(
    process_harness: Harness, arguments: dict[str, Any]
) -> None:
    """A typed error that names the argument."""
    nginx = process_harness.nginx()
    config = nginx.config

    with pytest.raises(InvalidArgument, match=str(list(arguments)[-1])):
        with keep_fresh(nginx, process_harness.ca, **arguments):
            raise AssertionError("it was begun")
    with pytest.raises(MtlsError, match="is no NginxServer"):
        with keep_fresh(["nginx"], process_harness.ca, every=1):  # type: ignore[list-item]
            raise AssertionError("it was begun")
    with pytest.raises(MtlsError, match="is no CertificateAuthority"):
        with keep_fresh(nginx, "CA", every=1):  # type: ignore[arg-type]
            raise AssertionError("it was begun")
    assert nginx.config == config
