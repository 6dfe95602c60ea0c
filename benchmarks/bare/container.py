"""nginx in a container, by hand: the calls of the Docker SDK that it cannot do without.

The restrictions are those of pytest-mtls's own containers: they were asked for, and take the engine time.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator, Sequence

import docker

from benchmarks.bare import configuration
from benchmarks.bare.certificates import mint
from benchmarks.bare.exchange import ask_until_answered, client_context

_FIRST_PORT = 8443
_NOBODY = 65534
_FOLDER = "mtls"


@contextlib.contextmanager
def nginx(image: str, label: str, modes: Sequence[str]) -> Iterator[None]:
    """Entered once each listener has answered a handshake; left once the container is removed.

    Args:
        image: loaded already.
        label: ``name=value``, by which the container is removed should this process die.
        modes: ``ssl_verify_client`` of each listener.
    """
    client = docker.from_env(timeout=60)
    ports = [_FIRST_PORT + number for number in range(len(modes))]
    listeners = dict(zip(map(str, ports), modes, strict=True))
    try:
        container = _create(client, image, label, ports)
        try:
            container.put_archive("/", _archive(configuration.files(mint(), listeners, log="stderr")))
            container.start()
            container.reload()
            context = client_context()
            for port in ports:
                published = int(container.ports[f"{port}/tcp"][0]["HostPort"])
                ask_until_answered(("127.0.0.1", published), context, lambda: _ended(container))
            yield
        finally:
            container.remove(force=True, v=True)
    finally:
        client.close()


def _create(
    client: docker.DockerClient, image: str, label: str, ports: Sequence[int]
) -> docker.models.containers.Container:
    return client.containers.create(
        image,
        entrypoint=["nginx"],
        command=["-e", "stderr", "-p", f"/{_FOLDER}", "-c", f"/{_FOLDER}/{configuration.CONFIG}", "-g", "daemon off;"],
        ports={f"{port}/tcp": ("127.0.0.1", None) for port in ports},
        user=f"{_NOBODY}:{_NOBODY}",
        labels=dict([label.split("=", 1)]),
        environment={"OPENSSL_CONF": "/dev/null"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit="256m",
        pids_limit=64,
    )


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo(_FOLDER)
        folder.type, folder.mode, folder.uid = tarfile.DIRTYPE, 0o700, _NOBODY
        tar.addfile(folder)
        for name, content in files.items():
            file = tarfile.TarInfo(f"{_FOLDER}/{name}")
            file.size, file.mode, file.uid = len(content), 0o600, _NOBODY
            tar.addfile(file, io.BytesIO(content))
    return buffer.getvalue()


def _ended(container: docker.models.containers.Container) -> str | None:
    container.reload()
    return None if container.status == "running" else container.logs().decode(errors="replace")[-500:]
