"""A container that somebody else has started, behind nginx: by compose, and by testcontainers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from pytest_mtls import Harness, NginxServer

pytestmark = pytest.mark.long

CONFIG = """\
pid /scratch/nginx.pid;
error_log stderr notice;
events {}
http {
    access_log off;
    client_body_temp_path /scratch/a; proxy_temp_path /scratch/b; fastcgi_temp_path /scratch/c;
    uwsgi_temp_path /scratch/d; scgi_temp_path /scratch/e;
    server { listen 8080; location / { return 200 "shop, for $http_x_ssl_client_s_dn"; } }
}
"""
COMPOSE = """\
version: "2.4"
services:
  shop:
    image: {image}
    container_name: {name}
    entrypoint: ["nginx", "-e", "stderr", "-p", "/scratch", "-c", "/mtls/nginx.conf", "-g", "daemon off;"]
    tmpfs: ["/scratch"]
    volumes: ["./nginx.conf:/mtls/nginx.conf:ro"]
"""


@pytest.fixture
def composed(neighbour_image: str, compose: list[str], tmp_path: Path) -> Iterator[str]:
    """A service of a project of its own, with a network of its own; its container's name."""
    name = f"shop-{uuid4().hex[:12]}"
    (tmp_path / "nginx.conf").write_text(CONFIG)
    (tmp_path / "docker-compose.yml").write_text(COMPOSE.format(image=neighbour_image, name=name))
    environment = {**os.environ, "COMPOSE_PROJECT_NAME": name}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*compose, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    up = run("up", "-d")
    try:
        assert up.returncode == 0, up.stderr
        yield name
    finally:
        run("down", "-t", "0")


@pytest.fixture
def contained(neighbour_image: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A container of testcontainers, by the name that Docker gave it."""
    # Its reaper is an image of its own, for which a registry is needed; `with` removes the container as well.
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    container = (
        DockerContainer(neighbour_image, entrypoint=["nginx"])
        .with_command("-e stderr -p /scratch -c /mtls/nginx.conf -g 'daemon off;'")
        .with_tmpfs_mount("/scratch")
        .with_copy_into_container(CONFIG.encode(), "/mtls/nginx.conf")
        .waiting_for(LogMessageWaitStrategy("start worker process"))
    )
    with container:
        yield container.get_wrapped_container().name


def _answers(serve: Callable[..., NginxServer], harness: Harness, name: str) -> None:
    server = serve(upstream=f"container://{name}:8080")
    outcome = server.request(credential=harness.ca.issue_client("alice"))

    assert (outcome.status, outcome.body) == (200, b"shop, for CN=alice")
    assert server.request().internal_status == 496


def test_a_service_of_compose(serve: Callable[..., NginxServer], harness: Harness, composed: str) -> None:
    """On the network of its project, which this nginx joins."""
    _answers(serve, harness, composed)


def test_a_container_of_testcontainers(serve: Callable[..., NginxServer], harness: Harness, contained: str) -> None:
    """On the network that containers are on by default."""
    _answers(serve, harness, contained)
