"""nginx in a container by testcontainers-python, with its files copied in, as its documentation has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from benchmarks.bare import configuration
from benchmarks.bare.certificates import mint
from benchmarks.bare.exchange import ask_until_answered, client_context

_PORT = 8443
_FOLDER = "/mtls"
_SCRATCH = "/scratch"
_READY = "start worker process"


@contextlib.contextmanager
def nginx(image: str, label: str) -> Iterator[None]:
    """Entered once it has answered a handshake; left once the container is removed.

    Args:
        image: loaded already.
        label: ``name=value``, by which the container is removed should this process die.
    """
    # Its reaper is an image of its own, which is not to be had here; without it the start is the faster.
    testcontainers_config.ryuk_disabled = True
    name, value = label.split("=", 1)
    container = (
        DockerContainer(image, labels={name: value}, entrypoint=["nginx"], user="65534:65534")
        .with_env("OPENSSL_CONF", "/dev/null")
        .with_command(f"-e stderr -p {_SCRATCH} -c {_FOLDER}/{configuration.CONFIG} -g 'daemon off;'")
        .with_tmpfs_mount(_SCRATCH)
        .with_exposed_ports(_PORT)
        .waiting_for(LogMessageWaitStrategy(_READY))
    )
    for file, content in configuration.files(mint(), {str(_PORT): "on"}, log="stderr").items():
        container = container.with_copy_into_container(content, f"{_FOLDER}/{file}")
    with container:
        address = container.get_container_host_ip(), int(container.get_exposed_port(_PORT))
        ask_until_answered(address, client_context(), lambda: None)
        yield
