"""Connections and servers that a test forgot: closed at its end, and named."""

from __future__ import annotations

from tests.plugin.suite import Suite, lines_with

WARNS = ("-W", "default::pytest_mtls.UnclosedWarning")

FORGETS = """
    import pytest

    held = []

    def test_forgets(mtls_nginx, mtls_ca):
        connection = mtls_nginx.connect(credential=mtls_ca.issue_client("alice"))
        assert connection.request().accepted
        held.append(connection)

    def test_after():
        from pytest_mtls import InvalidArgument
        for use in (held[0].request, held[0].upgrade, lambda: held[0].exchange(b"x")):
            with pytest.raises(InvalidArgument, match="was closed"):
                use()
"""


def test_a_connection_left_open_is_closed_and_named(suite: Suite, engine: str) -> None:
    """With the test, the server and the line that opened it; the test itself passes."""
    result = suite.run(FORGETS, *WARNS, engine=engine)

    result.assert_outcomes(passed=2, warnings=1)
    assert len(lines_with(result, "UnclosedWarning: test_it.py::test_forgets left open")) == 1
    result.stdout.fnmatch_lines(["*a connection to https://localhost:*, opened at *test_it.py:7: use connect() in a*"])
    assert suite.left_behind() == []


def test_where_warnings_are_errors_the_test_fails(suite: Suite) -> None:
    """And everything is closed all the same."""
    result = suite.run(FORGETS)

    result.assert_outcomes(passed=2, errors=1)
    assert lines_with(result, "ERROR test_it.py::test_forgets - pytest_mtls.errors.UnclosedWarning: ")
    assert suite.left_behind() == []


def test_who_closes_is_not_warned(suite: Suite) -> None:
    """With a `with` statement, with close(), by a fixture at its end, or by a fixture of wider scope later."""
    suite.run(
        """
        import pytest
        from pytest_mtls import Harness

        @pytest.fixture
        def closed_later(mtls_nginx):
            opened = []
            yield opened
            opened[0].close()

        @pytest.fixture(scope="module")
        def server():
            with Harness.open("process") as harness:
                yield harness.nginx(verify="off")

        @pytest.fixture(scope="module")
        def shared(server):
            with server.connect() as connection:
                yield connection

        def test_closes(mtls_nginx_factory):
            nginx = mtls_nginx_factory(verify="off")
            with nginx.connect() as connection:
                assert connection.request().accepted
            nginx.connect().close()
        def test_has_it_closed(mtls_nginx, closed_later):
            closed_later.append(mtls_nginx.connect())
        def test_uses_a_shared_one(shared):
            assert shared.request().accepted
        def test_uses_it_again(shared):
            assert shared.request().accepted
        """
    ).assert_outcomes(passed=4)
    assert suite.left_behind() == []


def test_a_fixture_that_forgets_is_told_too(suite: Suite) -> None:
    """Where the server is the test's, so that nothing may outlive it."""
    result = suite.run("""
        import pytest

        @pytest.fixture
        def connection(mtls_nginx_factory):
            return mtls_nginx_factory(verify="off").connect()

        def test_it(connection):
            assert connection.request().accepted
    """)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*opened at *test_it.py:6*"])


def test_a_server_made_by_hand_is_stopped_and_named(suite: Suite, engine: str) -> None:
    """Also where its harness was never closed; its connections are named with it, and close before it."""
    result = suite.run(
        f"""
        from pytest_mtls import Harness

        def test_forgets():
            harness = Harness.open("{engine}")
            server = harness.nginx(verify="off")
            server.connect()
            Harness.open("{engine}").nginx().stop()
        """,
        *WARNS,
        engine=engine,
    )

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*a connection to https://localhost:*test_it.py:7*", "*the server https://localhost:*test_it.py:6: stop() it*"]
    )
    assert suite.left_behind() == []


def test_a_failing_test_keeps_its_own_error(suite: Suite) -> None:
    """The warning comes beside it, in the teardown."""
    result = suite.run("""
        def test_fails(mtls_nginx):
            mtls_nginx.connect()
            assert 1 == 2
    """)

    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])
    assert lines_with(result, "UnclosedWarning")
