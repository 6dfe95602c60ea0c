"""Steps and refusals as a suite writes them."""

from __future__ import annotations

from tests.plugin.suite import Suite


def test_a_start_that_is_refused_is_a_value(suite: Suite, engine: str) -> None:
    """What the call leaves open is as the marker says; nothing of it stays."""
    result = suite.run(
        """
        import pytest
        from pytest_mtls import InvalidArgument, Verbatim

        @pytest.mark.mtls(verify="optional", crl=Verbatim(b""))
        def test_refused(mtls_nginx_factory):
            refusal = mtls_nginx_factory.refusal()
            assert "crl.pem" in refusal.reason
            assert "ssl_verify_client optional;" in refusal.config
            assert mtls_nginx_factory.refusal(crl=None) is None
            with pytest.raises(InvalidArgument, match=r"mtls_nginx_factory\\.refusal\\(\\) has no argument 'cr1'"):
                mtls_nginx_factory.refusal(cr1=None)
        """,
        engine=engine,
    )

    result.assert_outcomes(passed=1)
    assert suite.left_behind() == []


def test_what_an_engine_cannot_do_is_skipped_where_that_is_wished(suite: Suite, engine: str) -> None:
    """As what an nginx cannot do."""
    source = """
        def test_in_place(mtls_nginx_factory):
            assert mtls_nginx_factory().update(writing="in-place").applied
    """

    wished = suite.run(source, "--mtls-missing=skip", "-rs", engine=engine)
    unasked = suite.run(source, engine=engine)

    if engine == "process":
        wished.assert_outcomes(passed=1)
        unasked.assert_outcomes(passed=1)
    else:
        wished.assert_outcomes(skipped=1)
        wished.stdout.fnmatch_lines(["SKIPPED*writing='in-place' does not work in containers*"])
        unasked.assert_outcomes(failed=1)
        unasked.stdout.fnmatch_lines(["E *EngineLacksFeature*writing='in-place'*--mtls-missing=skip*"])
