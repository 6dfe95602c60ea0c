"""An exported server: it runs with plain nginx and with docker compose, and shows again what was seen."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mtls import CertificateAuthority, CredentialState, Harness, InvalidArgument, NginxServer, VirtualServer
from pytest_mtls.engines.sources import named_source
from pytest_mtls.generations import GENERATIONS
from tests.export.conftest import Steps, free_port, listening_sockets, run_steps
from tests.generations.conftest import built

Start = Callable[..., None]
Serve = Callable[..., NginxServer]

TWO = [VirtualServer("a.test"), VirtualServer("b.test")]


@pytest.mark.parametrize("harness", ["process"], indirect=True)
@pytest.mark.parametrize(
    "arguments",
    [
        {"verify": "on", "crl": True},
        {"verify": "optional"},
        {"verify": "optional_no_ca", "tls": "1.2", "http2": True},
        {"verify": "on", "protocol": "stream"},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())),
)
def test_plain_nginx_shows_what_the_oracle_foretold(
    serve: Serve, tmp_path: Path, plain_nginx: Start, arguments: dict[str, object]
) -> None:
    """A few of the cast, where nothing was asked yet; every command of every step agrees."""
    folder = tmp_path / "reproducer"
    made = serve(**arguments).export_to(folder, port=free_port())

    plain_nginx(folder)
    ran = run_steps(folder)

    assert ran.status == 0, ran.out
    commands = 1 if "protocol" in arguments else 2
    assert len(ran.verdicts) == commands * made.steps >= 4
    assert "(foretold)" in (folder / "README.md").read_text()


@pytest.mark.parametrize("harness", ["process"], indirect=True)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_it_runs_on_the_version_it_was_made_with(
    serve: Serve, tmp_path: Path, plain_nginx: Start, generation: str
) -> None:
    """Every generation, its binary called directly."""
    built(generation)
    folder = tmp_path / "reproducer"
    server = serve(nginx=generation, verify="optional_no_ca")
    server.export_to(folder, port=free_port())

    plain_nginx(folder, nginx=generation)
    ran = run_steps(folder)

    assert ran.status == 0, ran.out
    assert f"image: ${{NGINX_IMAGE:-nginx:{server.version}}}" in (folder / "compose.yaml").read_text()


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_a_stream_server_runs_where_the_module_is_loaded(serve: Serve, tmp_path: Path, plain_nginx: Start) -> None:
    """With the option that the README names: the configuration itself has no path of a module."""
    built("bookworm")
    source = named_source("bookworm")
    assert source is not None
    folder = tmp_path / "reproducer"
    serve(nginx="bookworm", protocol="stream").export_to(folder, port=free_port())

    plain_nginx(folder, nginx="bookworm", options=("-g", f"load_module {source.program().stream_module};"))
    ran = run_steps(folder)

    assert ran.status == 0, ran.out
    assert "load_module" not in (folder / "nginx.conf").read_text()


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_lines_of_ones_own_go_along(serve: Serve, harness: Harness, tmp_path: Path, plain_nginx: Start) -> None:
    """What the oracle knows nothing of is shown as it was seen; the recorder's place is the stand-in's."""
    server = serve(
        verify="optional",
        default_location=False,
        http_directives=["map $ssl_client_verify $who { SUCCESS known; default stranger; }"],
        directives=["location / { proxy_set_header X-Who $who; proxy_pass http://recorder; }"],
        forward={"X-Who": "$who"},
    )
    folder = tmp_path / "reproducer"
    server.request(credential=harness.ca.issue_client("alice"))
    server.request()
    server.export_to(folder, port=free_port())

    plain_nginx(folder)
    ran = run_steps(folder)

    assert ran.status == 0, ran.out
    assert "as seen when this was exported" in (folder / "README.md").read_text()
    assert re.findall(r"X-Who: (\w+)", ran.out) == ["known", "stranger"]


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_it_asks_what_the_test_asked(serve: Serve, harness: Harness, tmp_path: Path, plain_nginx: Start) -> None:
    """Each request once, in order, with its names and its credential, and what nginx made of it."""
    other = CertificateAuthority("other CA")
    alice, twin = harness.ca.issue_client("alice"), other.issue_client("alice")
    server = serve(
        virtual_servers=[VirtualServer("a.test", verify="on"), VirtualServer("b.test", verify="on", client_ca=other)]
    )
    folder = tmp_path / "reproducer"
    for credential, sni, host in ((alice, "a.test", "a.test"), (twin, "b.test", "b.test"), (alice, "b.test", "b.test")):
        server.request("/orders?x=1%20$HOME", credential=credential, server_name=sni, host=host)
    crossing = server.request(credential=alice, server_name=None, host="b.test")
    server.request(server_name="a.test", host="b.test")
    server.request(credential=harness.credentials[CredentialState.WRONG_KEY])
    made = server.export_to(folder, port=free_port())

    plain_nginx(folder)
    ran = run_steps(folder)

    assert crossing.accepted
    assert ran.status == 0, ran.out
    assert made.steps == 5
    assert re.findall(r"as it should: (\d+)", ran.out) == [*["200"] * 4, *["400"] * 2, *["200"] * 2, *["421"] * 2]
    assert "behind nginx arrived: GET /orders?x=1%20$HOME" in ran.out
    assert "X-SSL-Client-S-DN: CN=alice" in ran.out
    assert "Left out" in (folder / "README.md").read_text()
    assert {"clients/alice.key.pem", "clients/alice-2.key.pem"} <= set(made.files)


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_after_a_change_it_is_the_changed_server(
    serve: Serve, harness: Harness, tmp_path: Path, plain_nginx: Start
) -> None:
    """What was answered before the change is not claimed; what the oracle knows is."""
    carol = harness.ca.issue_client("carol")
    server = serve(verify="on")
    assert server.request(credential=carol).accepted
    harness.ca.revoke(carol)
    server.update(crl=harness.ca.crl())
    folder = tmp_path / "reproducer"
    server.export_to(folder, port=free_port())

    plain_nginx(folder)
    ran = run_steps(folder)

    assert "not known: nginx was changed since it was asked" in (folder / "README.md").read_text()
    assert (ran.status, ran.verdicts) == (0, [])
    assert "(400)" in ran.out


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_steps_that_show_something_else_say_so(serve: Serve, tmp_path: Path, plain_nginx: Start) -> None:
    """A reader with another nginx, or another configuration, sees where it differs."""
    folder = tmp_path / "reproducer"
    serve(verify="on").export_to(folder, port=free_port())
    config = folder / "nginx.conf"
    config.write_text(config.read_text().replace("ssl_verify_client on;", "ssl_verify_client off;"))

    plain_nginx(folder)
    ran = run_steps(folder)

    assert ran.status == 1
    assert "DIFFERENT: 200 instead of 400" in ran.out


@pytest.mark.parametrize("harness", ["process"], indirect=True)
@pytest.mark.parametrize("arguments", [{}, {"protocol": "stream"}, {"virtual_servers": TWO}], ids=len)
def test_it_is_not_to_be_reached_from_elsewhere(
    serve: Serve, tmp_path: Path, plain_nginx: Start, arguments: dict[str, object]
) -> None:
    """Every socket that the plain nginx listens on is on 127.0.0.1."""
    folder = tmp_path / "reproducer"
    made = serve(**arguments).export_to(folder, port=free_port())

    plain_nginx(folder)

    listening = listening_sockets()
    assert {address for address, port in listening if port in (made.port, made.port + 1)} == {"127.0.0.1"}
    assert {made.port, made.port + 1} <= {port for _, port in listening}


@pytest.mark.parametrize("harness", ["docker"], indirect=True)
def test_docker_compose_runs_it(harness: Harness, serve: Serve, tmp_path: Path, compose: list[str]) -> None:
    """From the same folder; only the image is one that is here, for there is no registry."""
    built("trixie")
    server = serve(nginx="trixie", verify="optional_no_ca", crl=True)
    folder = tmp_path / "reproducer"
    server.export_to(folder, port=free_port())
    image = subprocess.run(
        ["docker", "images", "pytest-mtls/nginx", "--format", "{{.Repository}}:{{.Tag}}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout.split()
    known = [name for name in image if _version_of(name) == server.version]
    environment = {**os.environ, "NGINX_IMAGE": known[0], "COMPOSE_PROJECT_NAME": f"exported{os.getpid()}"}

    up = subprocess.run(
        [*compose, "up", "-d"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    try:
        assert up.returncode == 0, up.stderr
        ran = _patiently(folder)
    finally:
        subprocess.run([*compose, "down", "-t", "1"], cwd=folder, env=environment, timeout=60, check=True)

    assert ran.status == 0, ran.out + up.stderr


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_keys_are_for_the_owner_alone(serve: Serve, tmp_path: Path) -> None:
    """Every file has 0600, the script may be run, and folders are 0700; what is listed is what is there."""
    folder = tmp_path / "reproducer"
    made = serve().export_to(folder)

    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    modes = {name: stat.S_IMODE(path.stat().st_mode) for name, path in there.items()}
    assert modes.pop("steps.sh") == 0o700
    assert set(modes.values()) == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *filter(Path.is_dir, folder.rglob("*")))} == {0o700}
    assert set(made.files) == set(there)


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_nothing_is_overwritten_unasked(serve: Serve, tmp_path: Path) -> None:
    """A folder with something in it, and a file, are refused; force writes beside what is there."""
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    server = serve()

    with pytest.raises(InvalidArgument, match="not empty, and nothing in it was touched"):
        server.export_to(tmp_path)
    with pytest.raises(InvalidArgument, match="not a folder"):
        server.export_to(mine, force=True)
    with pytest.raises(InvalidArgument, match="not a TCP port"):
        server.export_to(tmp_path / "other", port=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    server.export_to(tmp_path, force=True)
    assert mine.read_text() == "mine"
    assert (tmp_path / "nginx.conf").is_file()


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_nothing_of_this_machine_is_in_it(serve: Serve, harness: Harness, tmp_path: Path) -> None:
    """No path, no address but loopback's own, no key of the CA."""
    folder = tmp_path / "reproducer"
    serve(verify="on").export_to(folder)

    texts = [
        (folder / name).read_text() for name in ("README.md", "nginx.conf", "behind.conf", "compose.yaml", "steps.sh")
    ]
    assert not any(re.search(r"/tmp/|/home/|/root/|site-packages", text) for text in texts)
    assert harness.ca.private_key_pem not in [path.read_bytes() for path in folder.rglob("*.pem")]


@pytest.mark.parametrize("harness", ["process"], indirect=True)
def test_a_host_that_a_shell_would_run_is_only_text(serve: Serve, tmp_path: Path, plain_nginx: Start) -> None:
    """Quotes, backticks and dollars of a request stay what they are."""
    server = serve(verify="off")
    folder = tmp_path / "reproducer"
    server.request("/$(touch${IFS}ran)`touch${IFS}ran`'\"%n", host="localhost")
    made = server.export_to(folder, port=free_port())

    plain_nginx(folder)
    ran = run_steps(folder)

    assert made.steps == 1
    assert not (folder / "ran").exists()
    assert len(ran.verdicts) == 2, ran.out


def _version_of(image: str) -> str:
    said = subprocess.run(
        ["docker", "run", "--rm", image, "-v"], capture_output=True, text=True, timeout=30, check=False
    ).stderr
    return said.strip().rpartition("/")[2]


def _patiently(folder: Path) -> Steps:
    """Steps, once the container listens."""
    until = time.monotonic() + 15
    while True:
        ran = run_steps(folder)
        if ran.status == 0 or time.monotonic() > until:
            return ran
        time.sleep(0.2)
