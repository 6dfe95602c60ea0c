"""``mtls_nginx``: made once for all that ask the same, together with all that ask something else, and never changed."""

from __future__ import annotations

from tests.plugin.suite import Suite


def test_tests_that_ask_the_same_get_the_same_server(suite: Suite) -> None:
    """However it was said: by a default, a string, a member, in whatever order; and different for everybody else."""
    result = suite.run("""
        import pytest
        from pytest_mtls import VerifyMode
        servers = {}

        def test_default(mtls_nginx):
            servers["default"] = mtls_nginx
        @pytest.mark.mtls(verify="on")
        def test_said(mtls_nginx):
            assert mtls_nginx is servers["default"]
        @pytest.mark.mtls(verify=VerifyMode.ON, tls=("1.3", "1.2"))
        def test_said_otherwise(mtls_nginx):
            assert mtls_nginx is servers["default"]
        def test_again(mtls_nginx):
            assert mtls_nginx is servers["default"]
        @pytest.mark.mtls(verify="off")
        def test_different(mtls_nginx):
            assert mtls_nginx.port != servers["default"].port
        @pytest.mark.mtls(depth=3)
        def test_also_different(mtls_nginx):
            assert mtls_nginx.port != servers["default"].port
    """)

    result.assert_outcomes(passed=6)


def test_a_crl_is_the_same_until_somebody_is_revoked(suite: Suite) -> None:
    """Otherwise no two tests with crl=True, or with a configuration that names one, would share a server."""
    result = suite.run("""
        import pytest
        servers = []
        pytestmark = pytest.mark.mtls(crl=True)

        def test_first(mtls_nginx):
            servers.append(mtls_nginx)
        def test_again(mtls_nginx):
            assert mtls_nginx is servers[0]
        def test_revoked(mtls_ca):
            servers.append(mtls_ca.issue_client("mallory"))
            mtls_ca.revoke(servers[1])
        def test_later(mtls_nginx):
            assert mtls_nginx is not servers[0]
            assert mtls_nginx.request(credential=servers[1]).reason == "certificate_revoked"
    """)

    result.assert_outcomes(passed=4)


def test_all_modes_of_a_session_are_one_nginx(suite: Suite, engine: str) -> None:
    """The first test to ask starts what every test will ask for: one nginx with a listener each."""
    result = suite.run(
        """
        import pytest
        addresses = set()

        def test_nothing_runs_before_it_is_asked_for(running_nginx):
            assert running_nginx() == 0
        @pytest.mark.mtls(verify=["off", "on", "optional", "optional_no_ca"], tls=["1.2", "1.3"])
        def test_modes(mtls_nginx, running_nginx):
            addresses.add(mtls_nginx.port)
            assert mtls_nginx.request().tls_version in ("1.2", "1.3")
            assert running_nginx() == 1
        @pytest.mark.mtls(protocol="stream")
        def test_stream(mtls_nginx, running_nginx):
            addresses.add(mtls_nginx.port)
            assert running_nginx() == 1
        def test_each_had_an_address_of_its_own():
            assert len(addresses) == 9
        """,
        engine=engine,
    )

    result.assert_outcomes(passed=11)
    assert suite.left_behind() == []


def test_it_is_read_only(suite: Suite) -> None:
    """Every way to change a shared server is refused by name, points at the factory, and changes nothing."""
    result = suite.run("""
        import pytest
        from pytest_mtls import SharedServerError

        @pytest.mark.parametrize("act", ["update", "restart", "stop"])
        def test_it(mtls_nginx, act):
            before = mtls_nginx.config
            with pytest.raises(SharedServerError, match=rf"^{act}\\(\\) would change .* mtls_nginx_factory"):
                getattr(mtls_nginx, act)(**({"verify": "off"} if act == "update" else {}))
            assert mtls_nginx.config == before
            assert mtls_nginx.request().internal_status == 496
    """)

    result.assert_outcomes(passed=3)


def test_one_bad_server_fails_its_own_test_only(suite: Suite, engine: str) -> None:
    """Whether the bad one is asked for first or last, the others get theirs."""
    result = suite.run(
        """
        import pytest
        bogus = pytest.mark.mtls(directives="bogus on;")

        @bogus
        def test_bad_first(mtls_nginx): ...
        @pytest.mark.mtls(verify=["off", "on"])
        def test_good(mtls_nginx):
            assert mtls_nginx.request().tls_version
        @bogus
        def test_bad_last(mtls_nginx): ...
        """,
        "-rA",
        engine=engine,
    )

    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "PASSED test_it.py::test_good[[]off[]]",
            "PASSED test_it.py::test_good[[]on[]]",
            "ERROR test_it.py::test_bad_first - *NginxStartError*",
            "ERROR test_it.py::test_bad_last - *NginxStartError*",
        ]
    )
    assert suite.left_behind() == []


def test_a_wrong_value_that_only_shows_later_fails_its_own_test_only(suite: Suite) -> None:
    """A path that is not there is only looked at when the servers are made; the error names the argument."""
    result = suite.run("""
        import pytest
        def test_good(mtls_nginx): ...
        @pytest.mark.mtls(client_ca="nowhere.pem")
        def test_bad(mtls_nginx): ...
    """)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E *client_ca*nowhere.pem*"])


def test_the_session_has_one_authority_and_one_cast(suite: Suite) -> None:
    """What ``mtls_ca`` signs is let in, the cast has one credential for each state, and the engine has a name."""
    result = suite.run("""
        from pytest_mtls import CredentialState

        def test_it(mtls_nginx, mtls_ca, mtls_credentials, mtls_engine):
            assert set(mtls_credentials) == set(CredentialState)
            assert mtls_credentials[CredentialState.NONE] is None
            assert mtls_nginx.request(credential=mtls_ca.issue_client("alice")).accepted
            assert mtls_nginx.request(credential=mtls_credentials[CredentialState.VALID]).accepted
            assert mtls_engine.name == "process" and mtls_engine.description
    """)

    result.assert_outcomes(passed=1)
