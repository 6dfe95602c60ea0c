"""``--mtls-missing``: an nginx that lacks what a test asks is an error, or a skip; either says what it lacks."""

from __future__ import annotations

import pytest

from tests.generations.conftest import built
from tests.plugin.suite import Suite

CANNOT_OCSP = (
    "nginx 1.18.0 (OpenSSL 1.1.1w) cannot ask an OCSP responder about clients in http, which ocsp= needs: "
    "nginx can since 1.19.0"
)

SOURCE = """
    import pytest
    from pytest_mtls import Ocsp

    asking = pytest.mark.mtls(ocsp=Ocsp("http://127.0.0.1:1/"))

    def test_before(mtls_nginx):
        assert mtls_nginx.request().internal_status == 496
    @asking
    def test_shared(mtls_nginx): ...
    @pytest.mark.mtls(verify="off")
    def test_after(mtls_nginx):
        assert mtls_nginx.request().accepted
    @asking
    def test_private(mtls_nginx_factory):
        mtls_nginx_factory()
    def test_update(mtls_nginx_factory):
        nginx = mtls_nginx_factory(verify="off")
        nginx.update(ocsp=Ocsp("http://127.0.0.1:1/"))
"""


@pytest.fixture
def old(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an nginx that has never heard of OCSP for clients. (pytester moves the home folder.)"""
    root = built("bullseye")
    monkeypatch.setenv("XDG_CACHE_HOME", str(root.folder.parents[3]))
    return root.name


def test_it_is_an_error_unless_told_otherwise(suite: Suite, old: str) -> None:
    """That says what was asked for, since when nginx has it, and what can be done; the other tests run."""
    result = suite.run(SOURCE, f"--mtls-nginx={old}", "-rA")

    result.assert_outcomes(passed=2, failed=2, errors=1)
    result.stdout.fnmatch_lines_random(
        ["PASSED test_it.py::test_before", "PASSED test_it.py::test_after", "ERROR test_it.py::test_shared*"]
    )
    said = [line for line in result.outlines if line.startswith("E ") and CANNOT_OCSP in line]
    assert len(said) == 3
    assert all("NginxLacksFeature" in line and "--mtls-missing=skip" in line for line in said)
    assert suite.left_behind() == []


@pytest.mark.parametrize("twin", [False, True], ids=["option", "ini"])
def test_it_is_a_skip_with_the_reason_where_that_is_wished(suite: Suite, old: str, engine: str, twin: bool) -> None:
    """For a shared server, a private one and a changed one alike; those started with the shared one go on."""
    if twin:
        suite.settings("mtls_missing = skip")

    result = suite.run(SOURCE, f"--mtls-nginx={old}", *(() if twin else ("--mtls-missing=skip",)), "-rs", engine=engine)

    result.assert_outcomes(passed=2, skipped=3)
    said = [line for line in result.outlines if line.startswith("SKIPPED")]
    assert sum(int(line.split("[")[1].split("]")[0]) for line in said) == 3
    assert all(line.endswith(CANNOT_OCSP) for line in said)
    assert suite.left_behind() == []


def test_only_the_nginx_that_lacks_it_is_left_out(suite: Suite, old: str) -> None:
    """A suite that runs on several asks each that can."""
    result = suite.run(
        """
        import pytest
        from pytest_mtls import Ocsp
        @pytest.mark.mtls(ocsp=Ocsp("http://127.0.0.1:1/"))
        def test_it(mtls_nginx, mtls_ca):
            assert mtls_nginx.request(credential=mtls_ca.issue_client("alice")).reason == "ocsp_request_failed"
        """,
        *(f"--mtls-nginx={old}", "--mtls-nginx=bundled", "--mtls-missing=skip", "-v"),
    )

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines([f"*::test_it?{old}? SKIPPED*", "*::test_it?bundled? PASSED*"])


@pytest.mark.parametrize(
    "source, said",
    [
        ("def test_it(mtls_nginx): ...", "nginx='/nowhere/nginx': there is no such file."),
        (
            "import pytest\n@pytest.mark.mtls(nginx='bundled', directives='bogus on;')\ndef test_it(mtls_nginx): ...",
            "NginxStartError",
        ),
    ],
    ids=["no nginx", "refused"],
)
def test_nothing_else_is_skipped(suite: Suite, source: str, said: str) -> None:
    """An nginx that is not there, or refuses what was written, would be skipped unnoticed."""
    result = suite.run(source, "--mtls-nginx=/nowhere/nginx", "--mtls-missing=skip")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"E *{said}*"])
