"""nginx in containers, through the Docker SDK: Docker, or any engine that speaks its API."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.engines.api import connect, endpoint, folder_of, is_podman, speaking
from pytest_mtls.engines.cleanup import Guard, Leftover, Owner
from pytest_mtls.engines.clock import refuse_clock
from pytest_mtls.engines.container import ImageDeleted, NginxContainer
from pytest_mtls.engines.images import NOBODY, ArchiveInTheMaking, ensure_loaded, ensure_present
from pytest_mtls.engines.names import looks_like_a_binary
from pytest_mtls.engines.neighbours import network_and_address
from pytest_mtls.engines.process import ask_version
from pytest_mtls.engines.protocol import Address, Upstreams
from pytest_mtls.engines.sources import Source, named_source
from pytest_mtls.engines.ways import Tunnelled, ways_for
from pytest_mtls.errors import DeadlineExceeded, MtlsError, NginxUnavailable
from pytest_mtls.escapes import printable
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.spec import ServerSpec

if TYPE_CHECKING:
    from docker import DockerClient

    from pytest_mtls.engines.tunnel import Tunnel

OWNER_LABEL: Final = "pytest-mtls.owner"
_SESSION_LABEL: Final = "pytest-mtls.session"
_REMOVAL_SECONDS: Final = 10
_TUNNEL_SECONDS: Final = 20


class DockerEngine:
    """Runs nginx in containers.

    Attributes:
        client: the SDK's.
        labels: put on every container: which session it belongs to, and which process answers for it.
        networks: the one that an nginx must be on to reach an upstream, by that one's ``host:port``.
        ways: between this machine and containers.
    """

    name = "docker"

    def __init__(self, guard: Guard, client: DockerClient | None = None) -> None:
        self.client = client or connect()
        self._endpoint = endpoint()
        self._guard = guard
        if folder := folder_of(self.client):
            guard.watch_folder(folder)
        self._session = uuid.uuid4().hex
        self.labels: Mapping[str, str] = {_SESSION_LABEL: self._session, OWNER_LABEL: Owner.this_process().to_text()}
        self.networks: dict[str, str] = {}
        self._builds: dict[str, NginxBuild] = {}
        self._images: dict[str, str] = {}
        self._archives: dict[str, ArchiveInTheMaking] = {}
        self._announced = False
        self.ways = ways_for(self.client, self._begin_tunnel)

    @property
    def upstream_bind(self) -> str:
        """The address of this machine on which recorders listen."""
        return self.ways.upstream_bind

    @property
    def upstream_host(self) -> str:
        """The same as containers name it."""
        return self.ways.upstream_host

    @cached_property
    def description(self) -> str:
        """The engine's product and version. Asked when somebody wants to read it: it takes longer than the rest."""
        with speaking(self.client, "ask the container engine for its version"):
            version = self.client.version()
        product = "Podman" if is_podman(version) else "Docker"
        return printable(f"{product} {version.get('Version')} (API {version.get('ApiVersion')})")

    def build(self, nginx: str, deadline: Deadline) -> NginxBuild:
        """What that nginx says about itself; asked once."""
        if nginx not in self._builds:
            source = named_source(nginx)
            self._builds[nginx] = self._ask_source(nginx, source, deadline) if source else self._ask(nginx, deadline)
        return self._builds[nginx]

    def image(self, nginx: str) -> str:
        """The image for that nginx, loaded or pulled where it is missing."""
        if nginx not in self._images:
            if looks_like_a_binary(nginx):
                raise NginxUnavailable(
                    f"nginx={nginx!r} is a binary of this machine and not an image; use --mtls-engine process for it."
                )
            with speaking(self.client, f"find the image for nginx={nginx!r}"):
                if source := named_source(nginx):
                    in_the_making = self._archives.pop(nginx, None)
                    archive = in_the_making.archive() if in_the_making else source.archive()
                    self._images[nginx] = ensure_loaded(self.client, archive)
                else:
                    self._images[nginx] = ensure_present(self.client, nginx)
        return self._images[nginx]

    def start(
        self, specs: Sequence[ServerSpec], *, nginx: str, upstreams: Upstreams, deadline: Deadline
    ) -> NginxContainer:
        """Start one container for all of ``specs``."""
        refuse_clock(specs, self.name)
        if nginx not in self._images:
            self.build(nginx, deadline)
            self.image(nginx)
            deadline = Deadline.after(deadline.seconds)  # building or pulling it is not part of starting it
        self._announce()
        running = self._create(specs, nginx, upstreams, deadline)
        try:
            running.launch(deadline)
        except BaseException:
            with contextlib.suppress(MtlsError):  # its guard will remove it; what came first is what to tell
                running.stop(Deadline.after(deadline.seconds))
            raise
        return running

    def _remaining(self) -> list[object]:
        with speaking(self.client, "list the containers of this session"):
            found: list[object] = self.client.api.containers(
                all=True, quiet=True, filters={"label": f"{_SESSION_LABEL}={self._session}"}
            )
        return found

    def _announce(self) -> None:
        if not self._announced:
            self._guard.watch_containers(self._endpoint, f"{_SESSION_LABEL}={self._session}")
            self._announced = True

    def _create(
        self, specs: Sequence[ServerSpec], nginx: str, upstreams: Upstreams, deadline: Deadline
    ) -> NginxContainer:
        build = self.build(nginx, deadline)
        try:
            return NginxContainer(self, build, self.image(nginx), specs, upstreams, deadline)
        except ImageDeleted:
            del self._images[nginx]  # somebody tidied up since: loaded or pulled once more
            return NginxContainer(self, build, self.image(nginx), specs, upstreams, deadline)

    def container_address(self, name: str, port: int) -> Address:
        """Where that container is on a network of its own, which nginx will be put on."""
        network, address = network_and_address(self.client, name, port, self.ways.host_for_containers)
        if network is not None:
            self.networks[str(address)] = network
        return address

    def close(self) -> None:
        """Close the connections to the engine."""
        try:
            self.ways.close()
            if self._announced and isinstance(self.ways, Tunnelled):
                self._announced = False
                if not self._remaining():
                    # Its guard need not find its own way there to see that nothing is left, which takes a second.
                    self._guard.forget_containers(self._endpoint)
        finally:
            self.client.close()

    def _begin_tunnel(self) -> Tunnel:
        from pytest_mtls.engines.tunnel import Tunnel

        self._announce()
        return Tunnel(self.client, self.labels, Deadline.after(_TUNNEL_SECONDS))

    def _ask_source(self, nginx: str, source: Source, deadline: Deadline) -> NginxBuild:
        """The image is made of files of this machine: asking those costs a hundredth of a container."""
        program = source.program()
        self._archives[nginx] = ArchiveInTheMaking(source.archive)
        try:
            build = ask_version(program, Deadline.after(deadline.seconds))
        except NginxUnavailable:
            # It is for another machine than this, such as the engine's.
            build = self._ask(nginx, deadline)
        return replace(build, stream_module=source.image_stream_module)

    def _ask(self, nginx: str, deadline: Deadline) -> NginxBuild:
        image = self.image(nginx)
        self._announce()
        with speaking(self.client, f"run `nginx -V` in {nginx}", deadline.seconds):
            container = self.client.api.create_container(
                image,
                entrypoint=["nginx"],
                command=["-V"],
                labels=dict(self.labels),
                network_disabled=True,
                user=f"{NOBODY}:{NOBODY}",
            )["Id"]
        try:
            build = NginxBuild.from_output(self._output(container, nginx, deadline), source=f"image {nginx}")
            module = build.dynamic_stream_module
            return replace(build, stream_module=module) if module and self._holds(container, module) else build
        finally:
            with contextlib.suppress(Exception):
                self.client.api.remove_container(container, force=True, v=True)

    def _output(self, container: str, nginx: str, deadline: Deadline) -> str:
        try:
            self.client.api.start(container)
            self.client.api.wait(container, timeout=max(deadline.remaining, 0.1))
            return str(self.client.api.logs(container).decode(errors="replace"))
        except Exception as error:
            raise NginxUnavailable(
                f"nginx={nginx!r} is not an nginx image: running `nginx -V` in it failed ({error})."
            ) from error

    def _holds(self, container: str, path: str) -> bool:
        """Whether a container has that file; there may be no shell in it to ask."""
        from docker.errors import NotFound

        with speaking(self.client, f"look for {path} in the container"):
            try:
                content, _ = self.client.api.get_archive(container, path)
            except NotFound:
                return False
        content.close()
        return True


def abandoned_containers(client: DockerClient) -> list[Leftover]:
    """Containers of dead runs: those whose owner is known to be gone, and stopped ones of an owner that cannot be asked
    about (a former boot). A running one of another machine's or container's run is never touched."""
    found = []
    with speaking(client, "list containers"):
        containers = client.api.containers(all=True, filters={"label": OWNER_LABEL})
    for container in containers:
        with contextlib.suppress(ValueError, KeyError):
            owner = Owner.from_text(container["Labels"][OWNER_LABEL])
            if owner.is_gone or (not owner.is_local and container["State"] != "running"):
                found.append(Leftover("container", container["Id"], owner))
    return found


def remove_abandoned_containers(client: DockerClient) -> list[Leftover]:
    """Remove the containers of dead runs; returns what was removed, or is by somebody else at this moment."""
    from docker.errors import APIError

    found = abandoned_containers(client)
    for leftover in found:
        # Their guard may be at it too: the engine then answers 404 or 409, and what counts is that they are gone.
        with contextlib.suppress(APIError):
            client.api.remove_container(leftover.name, force=True, v=True)
    names = {leftover.name for leftover in found}

    def gone() -> bool:
        return not names & {leftover.name for leftover in abandoned_containers(client)}

    with contextlib.suppress(DeadlineExceeded):
        wait_until(gone, Deadline.after(_REMOVAL_SECONDS), awaited="the engine to remove containers of dead runs")
    return found
