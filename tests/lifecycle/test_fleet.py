"""Fleet: several nginx, changed one after another."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pytest_mtls import CertificateAuthority, Fleet, Harness, InvalidArgument, NginxServer, ReloadRefused

Serve = Callable[..., NginxServer]


def test_a_roll_out_meets_one_server_after_another(serve: Serve) -> None:
    """Between two steps the fleet is half old and half new."""
    ca = CertificateAuthority("Fleet CA")
    mallory = ca.issue_client("mallory")
    fleet = Fleet.of(serve, 3, client_ca=ca, crl=ca.crl())
    ca.revoke(mallory)
    seen = []

    results = fleet.roll(
        crl=ca.crl(),
        after_each=lambda server: seen.append([each.request(credential=mallory).accepted for each in fleet.servers]),
    )

    assert seen == [[False, True, True], [False, False, True], [False, False, False]]
    assert [result.applied for result in results] == [True] * 3


def test_requests_are_spread_over_it(serve: Serve) -> None:
    """In turn, as a load balancer does."""
    fleet = Fleet.of(serve, 2, verify="off")

    urls = [story.url for story in (fleet.request("/").story for _ in range(4)) if story]

    assert urls == [f"{server.url}/" for server in (*fleet.servers, *fleet.servers)]
    assert len(fleet) == 2


def test_a_ticket_key_makes_sessions_the_fleets(serve: Serve) -> None:
    """So one server's revocation is not seen by another that resumes; without the file each has keys of its own."""
    ca = CertificateAuthority("Fleet CA")
    alice = ca.issue_client("alice")
    fleet = Fleet.of(serve, 2, client_ca=ca, session_ticket_key=os.urandom(80))
    apart = Fleet.of(serve, 2, client_ca=ca)

    def resumes_elsewhere(servers: Fleet) -> bool:
        first, second = servers.servers
        return second.request(session=first.request(credential=alice).session).resumed

    assert resumes_elsewhere(fleet)
    assert not resumes_elsewhere(apart)


def test_a_server_that_refuses_stops_the_roll_out(serve: Serve) -> None:
    """The message says which; those after it were left alone."""
    fleet = Fleet.of(serve, 2, verify="off")

    with pytest.raises(ReloadRefused, match=r"Server 1 of 2 .*stopped the roll-out.*bogus") as caught:
        fleet.roll(directives="bogus on;")

    assert caught.value.log
    assert "bogus" in caught.value.config
    assert all(server.request().accepted for server in fleet.servers)


def test_what_is_no_fleet_is_refused(process_harness: Harness) -> None:
    """Nothing, something else, or a size that is none."""
    with pytest.raises(InvalidArgument, match="has no server"):
        Fleet()
    with pytest.raises(InvalidArgument, match="'nginx' is no NginxServer"):
        Fleet("nginx")  # type: ignore[arg-type]
    for size in (0, -1, True, "2"):
        with pytest.raises(InvalidArgument, match="one server or more"):
            Fleet.of(process_harness.nginx, size)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="give what makes a server"):
        Fleet.of("factory", 2)  # type: ignore[arg-type]
    assert process_harness.servers == ()
