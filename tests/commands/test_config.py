"""``pytest-mtls config``: what it prints is what nginx would get."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.commands.conftest import Ran

Run = Callable[..., Ran]


def test_the_arguments_are_in_the_configuration(run: Run) -> None:
    """Each option becomes its directive."""
    options = ["--verify", "optional", "--depth", "3", "--tls", "1.3", "--crl", "--http2", "--port", "9443"]
    ran = run("config", *options, "--server-name", "a.test", "--server-name", "b.test")

    lines = {line.strip() for line in ran.out.splitlines()}
    assert ran.status == 0
    assert {
        "listen 127.0.0.1:9443 ssl;",
        "http2 on;",
        "server_name a.test b.test;",
        "ssl_protocols TLSv1.3;",
        "ssl_verify_client optional;",
        "ssl_verify_depth 3;",
        "ssl_crl server-0/crl.pem;",
    } <= lines


def test_for_machines_it_names_the_files_too(run: Run) -> None:
    """JSON says which files the configuration needs, and which of them are secret."""
    said = run("config", "--json").json

    assert "ssl_verify_client on;" in said["config"]
    assert said["files"]["server-0/key.pem"]["secret"]
    assert not said["files"]["server-0/certificate.pem"]["secret"]


@pytest.mark.parametrize("nginx", ["/bin/true", "/no/such/nginx"])
def test_an_nginx_that_is_none_is_one_clear_message(run: Run, nginx: str) -> None:
    """The exit status is 1 and the message names it."""
    ran = run("config", "--nginx", nginx)

    assert ran.status == 1
    assert nginx in ran.err
    assert "Traceback" not in ran.err
