"""``pytest-mtls config``: what it prints is what nginx would get."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import Ran

DEPLOY = Path(__file__).parents[1] / "own_config" / "deploy" / "nginx.conf"

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


def test_a_configuration_of_ones_own_as_it_runs(run: Run) -> None:
    """The main file, then those it includes, as nginx -T has them."""
    ran = run("config", "--config", DEPLOY, "--port", "9443")

    main, *included = ran.out.split("# configuration file ")
    assert ran.status == 0
    assert "server 127.0.0.1:8080 weight=3" in main
    assert "listen 127.0.0.1:9443 ssl default_server ;" in ran.out
    assert "listen 127.0.0.1:9444 ssl" in ran.out
    assert {each.partition(":\n")[0] for each in included} >= {
        "conf.d/api.conf",
        "conf.d/partners.conf",
        "snippets/tls.conf~2",
    }
    assert "10.0.0." not in ran.out


def test_what_would_run_otherwise_than_it_is_written(run: Run) -> None:
    """One line each, and nothing else."""
    ran = run("config", "--config", DEPLOY, "--changes")
    said = run("config", "--config", DEPLOY, "--json").json

    assert ran.out.splitlines()[0].startswith("nginx.conf:2: user: www-data taken out")
    assert said["changes"] == ran.out.splitlines()
    assert "conf.d/api.conf" in said["includes"]
    assert said["files"]["minted/1-site.key"]["secret"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--changes"], "--changes goes with --config"),
        (["--config", "missing.conf"], "there is no such file"),
        (["--config", str(DEPLOY), "--depth", "2"], "depth does not go with config="),
    ],
)
def test_what_does_not_go_together(run: Run, arguments: list[str], said: str) -> None:
    """The exit status is 2."""
    ran = run("config", *arguments)

    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize("nginx", ["/bin/true", "/no/such/nginx"])
def test_an_nginx_that_is_none_is_one_clear_message(run: Run, nginx: str) -> None:
    """The exit status is 1 and the message names it."""
    ran = run("config", "--nginx", nginx)

    assert ran.status == 1
    assert nginx in ran.err
    assert "Traceback" not in ran.err
