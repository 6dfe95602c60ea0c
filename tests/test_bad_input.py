"""Bad input gets an error of its own type that names the argument and the remedy, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import (
    Harness,
    InvalidArgument,
    InvalidConfigValue,
    InvalidPem,
    KeyMismatch,
    MtlsError,
    NginxUnavailable,
    PortInUse,
    VirtualServer,
    WorkspaceUnavailable,
)


@pytest.fixture(autouse=True)
def _nothing_is_left(harness: Harness) -> Any:
    """Whatever a test of this file does wrong, no folder, process or container of it stays."""
    before = _present(harness)
    yield
    assert _present(harness) == before


def _present(harness: Harness) -> tuple[set[str], set[str]]:
    folders = {path.name for path in Path(tempfile.gettempdir()).glob("pytest-mtls-*")}
    own = {name for name in folders if _owner(Path(tempfile.gettempdir()) / name) == os.getpid()}
    containers: set[str] = set()
    if harness.engine.name == "docker":
        client = harness.engine.client  # type: ignore[attr-defined]
        labels = [f"{name}={value}" for name, value in harness.engine.labels.items()]  # type: ignore[attr-defined]
        containers = {each["Id"] for each in client.api.containers(all=True, filters={"label": labels[0]})}
    return own, containers


def _owner(folder: Path) -> int | None:
    import json

    try:
        return int(json.loads((folder / "owner.json").read_text())[0])
    except (OSError, ValueError):
        return None


@pytest.mark.parametrize(
    "arguments, mentions",
    [
        ({"verfy": "on"}, r"'verfy'.*'verify'"),
        ({"verify": "maybe"}, r"verify='maybe'.*'optional_no_ca'"),
        ({"tls": "1.1"}, r"tls='1.1'.*'1.2', '1.3'"),
        ({"tls": ()}, "tls"),
        ({"depth": -1}, "depth"),
        ({"depth": "1"}, "depth"),
        ({"protocol": "mail"}, r"protocol='mail'.*'stream'"),
        ({"http2": "yes"}, "http2"),
        ({"http2": True, "protocol": "stream"}, "http2.*stream"),
        ({"port": 70000}, "port"),
        ({"server_names": ()}, "server_names"),
        ({"virtual_servers": ["a.test"]}, "VirtualServer"),
        ({"virtual_servers": [VirtualServer("a.test")], "server_names": "b.test"}, "server_names"),
        ({"forward": ["X"]}, "forward"),
        ({"error_pages": [495]}, "error_pages"),
        ({"upstream": 7}, "upstream"),
        ({"crl": True, "client_ca": None}, "crl=True"),
        ({"session_ticket_key": b"short"}, "48 or 80"),
        ({"client_ca": "/nowhere/ca.pem"}, "client_ca.*nowhere"),
        ({"config": "/nowhere/nginx.conf"}, "config.*no such file"),
        ({"ocsp": True}, r"ocsp: True is no OcspResponder.*ca\.ocsp_responder\(\)"),
        ({"ocsp": "ocsp.example.org"}, r"ocsp: responder 'ocsp.example.org'.*http://"),
        ({"virtual_servers": [VirtualServer("a.test", ocsp=7)]}, "ocsp: 7 is no OcspResponder"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_an_argument_that_cannot_be_is_named(harness: Harness, arguments: dict[str, Any], mentions: str) -> None:
    """With what is allowed instead."""
    with pytest.raises(InvalidArgument, match=mentions):
        harness.nginx(**arguments)


@pytest.mark.parametrize("argument", ["client_ca", "trusted_ca", "crl"])
@pytest.mark.parametrize("kind", ["malformed", "der", "empty", "key"])
def test_pem_that_is_none_is_named(harness: Harness, argument: str, kind: str) -> None:
    """Malformed, DER, empty, or something else."""
    ca = harness.ca
    content = {
        "malformed": ca.certificate_pem[:-40],
        "der": ca.issue_client("x").certificate_der,
        "empty": b"",
        "key": ca.private_key_pem,
    }[kind]

    with pytest.raises(InvalidPem) as caught:
        harness.nginx(**{argument: content})
    assert argument in str(caught.value)
    assert "PRIVATE KEY-----" not in str(caught.value)


def test_a_server_needs_its_own_key(harness: Harness) -> None:
    """nginx would not start with another one."""
    one, other = (harness.ca.issue_server("localhost") for _ in range(2))

    with pytest.raises(KeyMismatch, match="server"):
        harness.nginx(server=one.with_private_key(other))


@pytest.mark.parametrize("bad", ["a\nb", 'a"b', "a{b", "a}b", "a;b", "a$b"])
def test_text_that_would_become_configuration_is_refused(harness: Harness, bad: str) -> None:
    """Names and header values; the request itself is another matter."""
    for arguments in ({"server_names": bad}, {"forward": {"X-A": bad}}, {"forward": {bad: "x"}}):
        if arguments == {"forward": {"a$b": "x"}}:
            continue  # a dollar is allowed in a header's name (RFC 9110), and nginx expands nothing there
        if bad == "a$b" and "forward" in arguments:
            continue  # $b is a variable there; nginx itself says that it does not know it
        with pytest.raises(InvalidConfigValue):
            harness.nginx(**arguments)
    with pytest.raises(InvalidConfigValue):
        VirtualServer(bad)


def test_an_unknown_variable_is_nginx_s_to_refuse(harness: Harness) -> None:
    """It is a well-formed name; the error has nginx's reason."""
    with pytest.raises(MtlsError, match='unknown "b" variable'):
        harness.nginx(forward={"X-A": "a$b"})


@pytest.mark.parametrize(
    "request_arguments",
    [
        {"headers": {"X-A": "a\r\nX-B: c"}},
        {"headers": {"X A": "b"}},
        {"headers": {"X-A": "日"}},
        {"method": "GET /"},
        {"path": "/a b"},
        {"path": "/a\r\nX: y"},
        {"server_name": "a..b"},
        {"server_name": "x" * 300},
        {"tls": "1.0"},
        {"credential": "alice"},
        {"session": "last"},
    ],
    ids=str,
)
def test_a_request_that_cannot_be_sent_is_an_error(serve: Any, request_arguments: dict[str, Any]) -> None:
    """It would be a bug of the test, and nothing nginx did."""
    nginx = serve(verify="optional")

    with pytest.raises(InvalidArgument):
        nginx.request(**request_arguments)
    assert nginx.request().accepted


def test_a_responder_that_was_closed_is_named(harness: Harness) -> None:
    """Before nginx is started with an address at which nobody is."""
    responder = harness.ca.ocsp_responder()
    responder.close()

    with pytest.raises(InvalidArgument, match="OCSP responder was closed"):
        harness.nginx(ocsp=responder)


def test_a_port_in_use_is_named(harness: Harness) -> None:
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port}.*another port"):
            harness.nginx(port=port)


def test_a_port_can_be_chosen(serve: Any) -> None:
    """And is the one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert serve(port=port).port == port


def test_an_nginx_that_is_not_there_is_named(harness: Harness) -> None:
    """An image that cannot be pulled, a name that is none, a binary that does not exist."""
    for name in ("registry.invalid/no/such:image", "no-such-nginx", "/no/such/nginx"):
        with pytest.raises(NginxUnavailable, match=name):
            harness.nginx(nginx=name)


def test_a_binary_that_is_not_nginx_is_named(process_harness: Harness, tmp_path: Path) -> None:
    """By what it answered to -V; so is an nginx without TLS."""
    plain = tmp_path / "nginx"
    plain.write_text("#!/bin/sh\necho 'nginx version: nginx/1.27.0' >&2\n")
    plain.chmod(0o755)

    with pytest.raises(NginxUnavailable, match=r"/bin/.*is not an nginx"):
        process_harness.nginx(nginx="/bin/true")
    with pytest.raises(NginxUnavailable, match="without TLS"):
        process_harness.nginx(nginx=str(plain))


def test_an_image_that_is_not_nginx_is_named(docker_harness: Harness) -> None:
    """The engine finds no such program in it; and a binary of this machine is no image."""
    from pytest_mtls.engines.images import TarEntry, make_tar

    client = docker_harness.engine.client  # type: ignore[attr-defined]
    empty = make_tar([TarEntry("empty", b"", 0o644)])
    client.api.import_image_from_data(empty, repository="pytest-mtls/not-nginx", tag="1")
    try:
        with pytest.raises(NginxUnavailable, match="not-nginx:1' is not an nginx image"):
            docker_harness.nginx(nginx="pytest-mtls/not-nginx:1")
    finally:
        client.images.remove("pytest-mtls/not-nginx:1", force=True)
    with pytest.raises(NginxUnavailable, match="--mtls-engine process"):
        docker_harness.nginx(nginx="/bin/true")


def test_an_unwritable_temporary_folder_is_named(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the variable that changes it; containers need none."""
    missing = tmp_path / "gone"
    monkeypatch.setattr(tempfile, "tempdir", str(missing))
    if harness.engine.name == "docker":
        harness.discard(harness.nginx())
        return
    with pytest.raises(WorkspaceUnavailable, match="TMPDIR"):
        harness.nginx()


def test_an_unknown_engine_is_named() -> None:
    """With those there are."""
    with pytest.raises(InvalidArgument, match="'auto', 'docker', 'process'"):
        Harness.open("podman")
