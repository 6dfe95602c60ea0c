"""``mtls_nginx_factory``: servers of one test's own, gone with it."""

from __future__ import annotations

from tests.plugin.suite import Suite


def test_what_it_makes_is_private_and_gone_at_the_end_of_the_test(suite: Suite, engine: str) -> None:
    """Two servers that are asked for alike are two, and neither process, container nor folder outlives the test."""
    result = suite.run(
        f"""
        import pathlib
        folders = lambda: list(pathlib.Path({str(suite.temporary)!r}).glob("pytest-mtls-*"))
        made = []

        def test_it(mtls_nginx_factory, running_nginx):
            made.extend(mtls_nginx_factory() for _ in range(2))
            assert made[0].port != made[1].port
            assert running_nginx() == 2
            made[0].update(verify="off")
            assert (made[0].request().accepted, made[1].request().accepted) == (True, False)
        def test_after(running_nginx):
            assert running_nginx() == 0 and not folders()
        def test_asking_what_is_gone(mtls_nginx_factory):
            import pytest
            from pytest_mtls import ServerGone
            with pytest.raises(ServerGone):
                made[0].request()
        """,
        engine=engine,
    )

    result.assert_outcomes(passed=3)
    assert suite.left_behind() == []


def test_a_failing_test_leaves_nothing_either(suite: Suite) -> None:
    """Whether the test fails, stops its server itself, or asks for one that nginx refuses."""
    result = suite.run("""
        import pytest
        from pytest_mtls import NginxStartError

        def test_fails(mtls_nginx_factory):
            mtls_nginx_factory()
            assert False
        def test_stops(mtls_nginx_factory, running_nginx):
            nginx = mtls_nginx_factory()
            nginx.stop()
            nginx.stop()
            assert running_nginx() == 0
        def test_is_refused(mtls_nginx_factory, running_nginx):
            with pytest.raises(NginxStartError) as refused:
                mtls_nginx_factory(directives="bogus on;")
            assert "bogus on;" in refused.value.config
            assert any("bogus" in line for line in refused.value.log)
            assert running_nginx() == 0
    """)

    result.assert_outcomes(passed=2, failed=1)
    assert suite.left_behind() == []


def test_the_marker_gives_its_defaults(suite: Suite) -> None:
    """What the call leaves open is as the marker says; what it says wins, and an unknown argument is named."""
    result = suite.run("""
        import pytest
        from pytest_mtls import InvalidArgument

        @pytest.mark.mtls(verify=["optional", "off"], tls="1.3")
        def test_it(mtls_nginx_factory, request):
            as_marked = mtls_nginx_factory()
            assert as_marked.spec.default.verify == request.node.name.partition("[")[2].rstrip("]")
            assert as_marked.spec.default.tls == ("1.3",)
            assert as_marked.request(tls="1.2").layer == "tls"
            called = mtls_nginx_factory(verify="on")
            assert (called.spec.default.verify, called.spec.default.tls) == ("on", ("1.3",))
            with pytest.raises(InvalidArgument, match="mtls_nginx_factory.. has no argument 'verfy'"):
                mtls_nginx_factory(verfy="on")
    """)

    result.assert_outcomes(passed=2)


def test_it_does_not_touch_the_shared_server(suite: Suite) -> None:
    """A private server that is asked for as the shared one is another, and its changes stay its own."""
    result = suite.run("""
        def test_it(mtls_nginx, mtls_nginx_factory):
            own = mtls_nginx_factory()
            assert own.port != mtls_nginx.port
            own.update(verify="off")
            own.stop()
            assert mtls_nginx.request().internal_status == 496
    """)

    result.assert_outcomes(passed=1)
