"""Beside other people's plugins, in sessions of their own; coroutines and workers have tests in ``tests/plugin``."""

from __future__ import annotations

import pytest
from cryptography.x509 import Name
from hypothesis import find, settings

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.strategies import distinguished_names
from tests.plugin.suite import Suite, lines_with

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "plugin, settings, fixture, mark",
    [
        (
            "asyncio",
            ["asyncio_default_fixture_loop_scope = function"],
            "@pytest_asyncio.fixture",
            "@pytest.mark.asyncio",
        ),
        ("anyio", [], "@pytest.fixture", "@pytest.mark.anyio"),
    ],
    ids=["asyncio", "anyio"],
)
def test_coroutines_change_a_server(suite: Suite, plugin: str, settings: list[str], fixture: str, mark: str) -> None:
    """What blocks goes to a thread, also in a fixture that is a coroutine."""
    suite.settings(*settings, using=[plugin])

    result = suite.run(f"""
        import asyncio, pytest, pytest_asyncio

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        {fixture}
        async def server(mtls_ca, mtls_nginx_factory):
            yield await asyncio.to_thread(mtls_nginx_factory, crl=mtls_ca.crl())

        {mark}
        async def test_it(server, mtls_ca):
            alice = mtls_ca.issue_client("alice")
            async with server.httpx_async_client(credential=alice) as client:
                assert (await client.get("/")).status_code == 200
            mtls_ca.revoke(alice)
            await asyncio.to_thread(server.update, crl=mtls_ca.crl())
            async with server.httpx_async_client(credential=alice) as client:
                assert (await client.get("/")).status_code == 400
    """)

    result.assert_outcomes(passed=1)
    assert suite.left_behind() == []


def test_workers_in_random_order_with_tests_run_again(suite: Suite) -> None:
    """A test that is run again has a fresh private server, and the same shared one."""
    suite.settings(using=["xdist", "randomly"])

    result = suite.run(
        """
        import pytest
        ports = []

        @pytest.mark.parametrize("number", range(4))
        @pytest.mark.mtls(verify=["on", "optional"])
        def test_shared(mtls_nginx, number):
            assert mtls_nginx.request().verify == "NONE"

        def test_private(mtls_nginx, mtls_nginx_factory, mtls_ca):
            private = mtls_nginx_factory()
            assert private.request(credential=mtls_ca.issue_client()).accepted
            ports.append((private.port, mtls_nginx.port))
            assert len(ports) == 3, "not yet"
            assert len({port for port, _ in ports}) == 3
            assert len({port for _, port in ports}) == 1
        """,
        *("-n", "2", "-p", "randomly", "--randomly-seed=7", "--reruns", "3"),
    )

    result.assert_outcomes(passed=9)
    assert lines_with(result, "2 rerun")
    assert suite.left_behind() == []


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_test_that_is_cut_off_leaves_nothing(suite: Suite, method: str) -> None:
    """pytest-timeout fails the test (signal), or ends the whole process without a word (thread)."""
    suite.settings()

    result = suite.run(
        """
        import threading

        def test_hangs(mtls_nginx, mtls_nginx_factory):
            assert mtls_nginx_factory(verify="off").request().accepted
            threading.Event().wait(30)

        def test_goes_on(mtls_nginx):
            assert mtls_nginx.request().reason == "no_certificate"
        """,
        *("-p", "no:randomly", "--timeout=1.5", f"--timeout-method={method}"),
    )

    assert "Timeout" in result.stdout.str() + result.stderr.str()
    if method == "signal":
        result.assert_outcomes(passed=1, failed=1)
    wait_until(lambda: not suite.left_behind(), Deadline.after(10), awaited="nothing to be left behind")


def test_hypothesis_finds_no_name_that_nginx_changes(suite: Suite) -> None:
    """The strategies of ours, on a shared server."""
    suite.settings()

    result = suite.run("""
        from hypothesis import HealthCheck, given, settings, strategies as st
        from pytest_mtls import KeyType, strategies

        anything = settings(
            deadline=None, max_examples=25, derandomize=True, database=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )

        @anything
        @given(data=st.data())
        def test_every_name_arrives(mtls_nginx, mtls_ca, data):
            client = data.draw(strategies.credentials(mtls_ca))
            outcome = mtls_nginx.request(credential=client)
            assert outcome.accepted
            assert outcome.variables["ssl_client_s_dn"] == client.subject_dn

        @anything
        @given(name=strategies.distinguished_names(min_attributes=0, max_attributes=2))
        def test_limits(name):
            assert len(list(name)) <= 2
    """)

    result.assert_outcomes(passed=2)


def test_a_name_that_breaks_something_is_found_and_made_short() -> None:
    """What escapes stumble over is no matter of luck."""

    def has_a_special_one(name: Name) -> bool:
        return any(each in ',+"\\;' for attribute in name for each in str(attribute.value))

    found = find(
        distinguished_names(), has_a_special_one, settings=settings(max_examples=200, database=None, derandomize=True)
    )

    assert len(list(found)) == 1
    assert len(str(next(iter(found)).value)) == 1


def test_strategies_say_what_they_need(suite: Suite) -> None:
    """Without Hypothesis, importing them is refused in Python's own words, and nothing else of the package is."""
    suite.settings()

    result = suite.run("""
        import sys, pytest

        def test_it(monkeypatch, mtls_nginx):
            monkeypatch.setitem(sys.modules, "hypothesis", None)
            with pytest.raises(ImportError, match="hypothesis"):
                import pytest_mtls.strategies
            assert not mtls_nginx.request().accepted
    """)

    result.assert_outcomes(passed=1)
