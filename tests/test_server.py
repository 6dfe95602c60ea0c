"""A running nginx: changed, restarted, stopped, with virtual hosts and pages, on both engines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_mtls import (
    CertificateAuthority,
    Ending,
    Harness,
    NginxServer,
    NginxStartError,
    ReloadRefused,
    ServerGone,
    VirtualServer,
)

Serve = Callable[..., NginxServer]


def test_a_new_crl_is_in_force_when_update_returns(serve: Serve, harness: Harness) -> None:
    """Old workers answer for another 100 ms; after update() none of them is left."""
    ca = CertificateAuthority("CRL test")
    nginx = serve(client_ca=ca, crl=ca.crl())
    clients = [ca.issue_client(f"client-{number}") for number in range(5)]

    for client in clients:
        assert nginx.request(credential=client).accepted
        ca.revoke(client)
        assert nginx.update(crl=ca.crl()).applied
        assert nginx.request(credential=client).reason == "certificate_revoked"


def test_an_update_changes_what_is_named_and_nothing_else(serve: Serve, harness: Harness) -> None:
    """The other arguments stay as they were asked for."""
    nginx = serve(verify="on", depth=0)
    through = harness.ca.intermediate("Update CA").issue_client("through")

    nginx.update(verify="optional")

    assert nginx.request().accepted
    assert not nginx.request(credential=through).accepted
    nginx.update(depth=1)
    assert nginx.request().accepted
    assert nginx.request(credential=through).accepted


def test_a_refused_update_leaves_the_old_configuration_in_force(serve: Serve) -> None:
    """The error has nginx's reason and the numbered text; later updates start from the old arguments."""
    nginx = serve(verify="optional")

    with pytest.raises(ReloadRefused, match=r'unknown directive "bogus"(.|\n)*\| +bogus on;') as caught:
        nginx.update(verify="on", directives="bogus on;")

    assert "bogus" in caught.value.config
    assert any("[emerg]" in line for line in caught.value.log)
    assert "bogus" not in nginx.config
    assert nginx.request().accepted
    assert nginx.update().applied


def test_a_refused_update_can_be_asked_for_as_a_value(serve: Serve) -> None:
    """With check=False nothing is raised."""
    reload = serve().update(directives="bogus on;", check=False)

    assert not reload.applied
    assert "bogus" in (reload.reason or "")


def test_a_configuration_that_nginx_refuses_is_an_error_within_a_second(serve: Serve) -> None:
    """With the [emerg] line and the configuration with line numbers. The best of three counts: machines are noisy."""
    took = []
    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(NginxStartError, match=r'unknown directive "bogus"(.|\n)* \| +bogus on;') as caught:
            serve(directives="bogus on;")
        took.append(time.monotonic() - started)

    assert min(took) < 1.0
    assert any("[emerg]" in line for line in caught.value.log)
    assert "ssl_verify_client on;" in caught.value.config


def test_a_connection_held_over_an_update_is_closed_with_its_worker(serve: Serve, harness: Harness) -> None:
    """The outcome says so; it is no error."""
    nginx = serve()
    with nginx.connect(credential=harness.ca.issue_client("held")) as connection:
        assert connection.outcome.accepted
        assert connection.request("/1").accepted
        assert connection.request("/2", method="POST", body=b"x").accepted
        nginx.update()
        closed = connection.request("/3")

    assert not closed.accepted
    assert closed.status is None
    assert closed.ending in (Ending.CLOSED, Ending.RESET)


def test_a_restarted_server_answers_as_before(serve: Serve, harness: Harness) -> None:
    """Same files; and a session of before is worth nothing, since ticket keys are new."""
    nginx = serve()
    alice = harness.ca.issue_client("alice")
    session = nginx.request(credential=alice).session

    nginx.restart()

    assert nginx.request(credential=alice).accepted
    replayed = nginx.request(session=session)
    assert (replayed.resumed, replayed.internal_status) == (False, 496)


def test_a_restarted_server_has_what_an_update_left(serve: Serve, harness: Harness) -> None:
    """Not the files that it was first started with."""
    bob = harness.ca.issue_client("bob")
    nginx = serve(crl=harness.ca.crl())
    nginx.update(crl=harness.ca.crl(extra=[bob]))

    nginx.restart()

    assert nginx.request(credential=bob).reason == "certificate_revoked"


def test_a_stopped_server_is_gone_and_says_so(serve: Serve) -> None:
    """Stopping twice is no error; asking afterwards is."""
    nginx = serve()
    nginx.stop()
    nginx.stop()

    with pytest.raises(ServerGone, match="stopped"):
        nginx.request()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_session_is_resumed_with_and_without_the_certificate(serve: Serve, harness: Harness, tls: str) -> None:
    """What nginx stored at the first handshake holds, whoever resumes."""
    nginx = serve()
    first = nginx.request(credential=harness.ca.issue_client("alice"), tls=tls)

    again = nginx.request(session=first.session, tls=tls)

    assert first.session is not None
    assert again.resumed
    assert again.accepted
    assert again.variables["ssl_client_s_dn"] == "CN=alice"
    assert again.variables["ssl_session_reused"] == "r"


def test_the_number_of_a_tolerated_error_survives_resumption(serve: Serve, harness: Harness) -> None:
    """nginx logs nothing for it then, and OpenSSL checks nothing."""
    nginx = serve(verify="optional_no_ca")
    first = nginx.request(credential=CertificateAuthority("Stranger").issue_client("x"))

    again = nginx.request(session=first.session)

    assert again.resumed
    assert (first.verify_code, again.verify_code) == (21, 21)


def test_a_session_of_one_virtual_host_opens_no_other(serve: Serve, harness: Harness) -> None:
    """CVE-2025-23419."""
    partner = CertificateAuthority("Partner CA")
    nginx = serve(
        virtual_servers=[
            VirtualServer("a.test", client_ca=harness.ca),
            VirtualServer("b.test", client_ca=partner),
        ]
    )
    first = nginx.request(credential=harness.ca.issue_client("alice"), server_name="a.test")

    replay = nginx.request(session=first.session, server_name="b.test")

    assert first.accepted
    assert not replay.accepted
    assert nginx.request(credential=partner.issue_client("bob"), server_name="b.test").accepted


def test_server_name_and_host_are_independent(serve: Serve, harness: Harness) -> None:
    """SNI picks the handshake's server, Host the request's; where they differ nginx answers 421."""
    nginx = serve(verify="on", virtual_servers=[VirtualServer("a.test"), VirtualServer("b.test", verify="optional")])
    alice = harness.ca.issue_client("alice")

    mismatch = nginx.request(credential=alice, server_name="a.test", host="b.test")
    without = nginx.request(credential=alice, server_name=None, host="b.test")

    assert (mismatch.status, mismatch.accepted, mismatch.reason) == (421, False, "misdirected_request")
    assert without.accepted
    assert without.variables["ssl_server_name"] == ""


def test_error_pages_say_what_they_are_told_and_are_no_acceptance(serve: Serve, harness: Harness) -> None:
    """A status, a path, or both; the internal status is known all the same."""
    nginx = serve(
        error_pages={495: 403, 496: "=401 /login"}, directives='location = /login { return 200 "please log in"; }'
    )

    absent = nginx.request()
    expired = nginx.request(credential=CertificateAuthority("Stranger").issue_client("x"))

    assert (absent.status, absent.internal_status, absent.accepted) == (401, 496, False)
    assert absent.body == b"please log in"
    assert (expired.status, expired.internal_status, expired.accepted) == (403, 495, False)


def test_an_error_page_that_reaches_the_application_is_an_acceptance(serve: Serve) -> None:
    """The classic hole: the fallback is proxied, and the check is gone."""
    outcome = serve(error_pages={496: "=200 /anything"}).request()

    assert (outcome.status, outcome.internal_status, outcome.accepted) == (200, 496, True)
    assert outcome.forwarded is not None


def test_what_is_forwarded_can_be_chosen(serve: Serve, harness: Harness) -> None:
    """Only the headers that were named, with the values nginx has."""
    nginx = serve(forward={"X-Who": "$ssl_client_s_dn ($ssl_client_verify)"})

    forwarded = nginx.request(credential=harness.ca.issue_client("alice"), headers={"X-Mine": "1"}).forwarded

    assert forwarded is not None
    assert forwarded["X-Who"] == "CN=alice (SUCCESS)"
    assert forwarded["X-Mine"] == "1"
    assert "X-SSL-Client-Verify" not in forwarded


def test_forged_headers_are_replaced_or_removed(serve: Serve) -> None:
    """By default nothing a client says about its identity arrives."""
    forged = {
        "X-SSL-Client-Verify": "SUCCESS",
        "X-SSL-Client-S-DN": "CN=admin",
        "x-ssl-client-cert": "x",
        "X_SSL_CLIENT_VERIFY": "SUCCESS",
        "X-Forwarded-For": "10.0.0.1",
    }

    forwarded = serve(verify="optional").request(headers=forged).forwarded

    assert forwarded is not None
    assert forwarded["X-SSL-Client-Verify"] == "NONE"
    assert "X-SSL-Client-S-DN" not in forwarded
    assert "X-SSL-Client-Cert" not in forwarded
    assert "X_SSL_CLIENT_VERIFY" not in forwarded
    assert "10.0.0.1" not in forwarded.raw.decode()


def test_http2_is_spoken_where_the_listener_offers_it(serve: Serve, harness: Harness) -> None:
    """Also a body larger than one frame, and several requests on one connection."""
    nginx = serve(http2=True)
    alice = harness.ca.issue_client("alice")

    outcome = nginx.request(credential=alice, method="POST", body=b"x" * 200_000)

    assert outcome.variables["ssl_alpn_protocol"] == "h2"
    assert outcome.forwarded is not None
    assert len(outcome.forwarded.body) == 200_000
    assert nginx.request(credential=alice, http2=False).variables["ssl_alpn_protocol"] == ""
    with nginx.connect() as connection:
        assert [connection.request(f"/{number}").internal_status for number in range(3)] == [496] * 3


def test_another_nginx_can_be_the_upstream(serve: Serve) -> None:
    """The inner one refuses, and its 400 is passed on."""
    inner = serve(verify="on")
    outer = serve(verify="optional", upstream=inner, forward={})

    outcome = outer.request()

    assert outcome.status == 400
    assert outcome.accepted


def test_a_stream_server_serves_or_closes(serve: Serve, harness: Harness) -> None:
    """The handshake completes either way; exchange() gives the echo or nothing."""
    nginx = serve(protocol="stream")

    with nginx.connect(credential=harness.ca.issue_client("device")) as connection:
        assert connection.outcome.accepted
        assert connection.exchange(b"hello") == b"hello"
        assert connection.exchange(b"again") == b"again"
    refused = nginx.request()

    assert (refused.accepted, str(refused.layer), refused.status) == (False, "stream", None)
    assert refused.ending in (Ending.CLOSED, Ending.RESET)


def test_the_log_is_what_an_operator_would_see(serve: Serve) -> None:
    """Lines of this connection in the outcome, all of them on the server; no debug lines, no records of ours."""
    nginx = serve()
    first, second = nginx.request("/first"), nginx.request("/second")

    assert len(first.log) == 1
    assert "/first" in first.log[0]
    assert "/second" in second.log[0]
    assert set(first.log + second.log) <= set(nginx.log)
    assert not any("[debug]" in line or "pytest-mtls" in line for line in nginx.log)


def test_versions_are_those_that_answered(serve: Serve, harness: Harness) -> None:
    """On the server and in every outcome."""
    nginx = serve()
    outcome = nginx.request()

    assert (nginx.version, nginx.openssl_version) == (harness.build.version, harness.build.openssl_version)
    assert (outcome.nginx, outcome.openssl) == (nginx.version, nginx.openssl_version)


def test_many_threads_get_their_own_answers(serve: Serve, harness: Harness) -> None:
    """Outcomes are not mixed up."""
    from concurrent.futures import ThreadPoolExecutor

    nginx = serve(verify="optional")
    clients: list[Any] = [harness.ca.issue_client(f"client-{number}") for number in range(20)]

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda each: nginx.request(credential=each), clients * 3))

    assert [each.variables["ssl_client_s_dn"] for each in outcomes] == [each.subject_dn for each in clients * 3]
    assert [each.forwarded and each.forwarded["X-SSL-Client-S-DN"] for each in outcomes] == [
        each.subject_dn for each in clients * 3
    ]
