"""The table of variables is nginx's own."""

from __future__ import annotations

import re
from typing import Any

from pytest_mtls.engines.process import bundled_binary
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.variables import HTTP_SINCE, known_variables

# The names as they stand in the binary, between NUL bytes; some directives are spelled alike.
_OTHERS = re.compile(rb"\0(ssl_(?:client_[a-z_]+|ech_[a-z_]+|sigalgs?|curves?|early_data|alpn_protocol))(?=\0)")
_DIRECTIVES = {"ssl_client_certificate", "ssl_early_data", "ssl_ech_file", "ssl_ech_key"}


def _build(version: str) -> NginxBuild:
    return NginxBuild(version, "OpenSSL 3.0.0", "")


def test_no_variable_of_the_bundled_binary_is_missing() -> None:
    """Every ssl_client_* and the like that stands in the binary is in the table."""
    found = {name.decode() for name in _OTHERS.findall(bundled_binary().read_bytes())} - _DIRECTIVES

    assert found - set(HTTP_SINCE) == set()
    assert "ssl_client_verify" in found


def test_an_old_nginx_is_not_asked_for_what_it_does_not_know() -> None:
    """1.18 has no sigalg variables, 1.31.3 has them all."""
    assert "ssl_client_sigalg" not in known_variables(_build("1.18.0"))
    assert "ssl_curve" not in known_variables(_build("1.18.0"))
    assert set(known_variables(_build("1.31.3"))) == set(HTTP_SINCE)


def test_stream_lacks_three() -> None:
    """The legacy names and early data are http's alone."""
    missing = set(known_variables(_build("1.31.3"))) - set(known_variables(_build("1.31.3"), stream=True))

    assert missing == {"ssl_early_data", "ssl_client_s_dn_legacy", "ssl_client_i_dn_legacy"}


def test_nginx_reports_every_variable_it_knows(serve: Any, harness: Any) -> None:
    """Accepted or refused, the outcome has them all."""
    server = serve(verify="on")

    for credential in (harness.ca.issue_client("alice"), None):
        outcome = server.request(credential=credential)
        assert set(outcome.variables) == set(known_variables(harness.build))
