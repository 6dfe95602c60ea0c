"""An nginx is known by what it says about itself."""

from __future__ import annotations

import pytest

from pytest_mtls.errors import NginxUnavailable
from pytest_mtls.nginx.build import NginxBuild

DEBIAN = """nginx version: nginx/1.22.1
built with OpenSSL 3.0.8 7 Feb 2023 (running with OpenSSL 3.0.20 1 Apr 2026)
TLS SNI support enabled
configure arguments: --with-debug --with-http_ssl_module --with-stream=dynamic --with-stream_ssl_module
"""
OLD = """nginx version: nginx/1.18.0
built with OpenSSL 1.1.1w  11 Sep 2023
configure arguments: --without-http_scgi_module
"""


def test_the_openssl_it_runs_with_counts() -> None:
    """Where built and run with different ones, nginx prints both."""
    build = NginxBuild.from_output(DEBIAN, source="x")

    assert (build.version, build.openssl_version) == ("1.22.1", "3.0.20")
    assert build.has_debug
    assert not build.has_stream_ssl


def test_letters_in_an_openssl_version_do_not_hinder_comparison() -> None:
    """1.1.1w is older than 3.0."""
    build = NginxBuild.from_output(OLD, source="x")

    assert build.openssl_version == "1.1.1w"
    assert build.openssl_at_least(1, 1, 1)
    assert not build.openssl_at_least(3, 0)
    assert build.lacks("http_scgi")
    assert build.at_least(1, 18)
    assert not build.at_least(1, 18, 1)


@pytest.mark.parametrize("said", ["", "GNU bash, version 5", "hello\nworld"])
def test_what_is_not_nginx_is_named(said: str) -> None:
    """The error says what it answered."""
    with pytest.raises(NginxUnavailable, match="/bin/x is not an nginx"):
        NginxBuild.from_output(said, source="/bin/x")


def test_an_nginx_without_tls_is_refused_with_the_remedy() -> None:
    """Without http_ssl_module nothing here works."""
    with pytest.raises(NginxUnavailable, match="--with-http_ssl_module"):
        NginxBuild.from_output("nginx version: nginx/1.27.0\nconfigure arguments: --without-x\n", source="x")
