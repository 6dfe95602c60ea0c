"""What an nginx says about itself: its version, the OpenSSL it runs with, what is compiled in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_mtls.errors import NginxUnavailable

_VERSION = re.compile(r"nginx version: \S+?/(\d+(?:\.\d+)+)")
_OPENSSL = re.compile(
    r"built with (?P<built>(?:OpenSSL|LibreSSL|BoringSSL|AWS-LC)\b[^\n(]*?)(?: \(running with (?P<running>[^)]+)\))?$",
    re.M,
)
_ARGUMENTS = re.compile(r"configure arguments: (.*)$", re.M)


@dataclass(frozen=True, slots=True)
class NginxBuild:
    """One nginx binary.

    Attributes:
        version: such as ``1.31.3``.
        openssl: the TLS library it runs with, such as ``OpenSSL 3.3.7 7 Apr 2026``.
        arguments: what it was configured with, as ``nginx -V`` prints it.
        stream_module: path of the module for stream servers where that is to be loaded; found by the engine, since
            ``nginx -V`` does not say whether the file is there.
    """

    version: str
    openssl: str
    arguments: str
    stream_module: str | None = None

    @classmethod
    def from_output(cls, text: str, *, source: str) -> NginxBuild:
        """Read what ``nginx -V`` printed.

        Where built and run with different libraries nginx prints both; the one it runs with is what counts.

        Args:
            text: that output.
            source: the binary or image, for the error text.

        Raises:
            NginxUnavailable: this is not nginx, or one without TLS.
        """
        version = _VERSION.search(text)
        if version is None:
            seen = text.strip().splitlines()[0][:200] if text.strip() else "no output"
            raise NginxUnavailable(f"{source} is not an nginx: `-V` said {seen!r}. Name an nginx binary or image.")
        openssl = _OPENSSL.search(text)
        if openssl is None:
            raise NginxUnavailable(
                f"{source} is nginx {version[1]} without TLS (built without http_ssl_module); "
                "name one built --with-http_ssl_module, or leave out --mtls-nginx to use the bundled one."
            )
        arguments = _ARGUMENTS.search(text)
        return cls(version[1], (openssl["running"] or openssl["built"]).strip(), arguments[1] if arguments else "")

    @property
    def version_info(self) -> tuple[int, ...]:
        """The version as numbers, to compare with."""
        return tuple(int(part) for part in self.version.split("."))

    @property
    def openssl_version(self) -> str:
        """Only the number of the TLS library, such as ``3.3.7`` or ``1.1.1w``."""
        return self.openssl.split()[1]

    @property
    def has_debug(self) -> bool:
        """Whether debug logging is compiled in (``--with-debug``)."""
        return "--with-debug" in self.arguments

    @property
    def has_stream_ssl(self) -> bool:
        """Whether ``stream`` servers can do TLS."""
        compiled_in = "--with-stream_ssl_module" in self.arguments and "--with-stream=dynamic" not in self.arguments
        return compiled_in or self.stream_module is not None

    @property
    def dynamic_stream_module(self) -> str | None:
        """Where that module would be, if it is one that is loaded."""
        folder = re.search(r"--modules-path=(\S+)", self.arguments)
        return f"{folder[1]}/ngx_stream_module.so" if folder and "--with-stream=dynamic" in self.arguments else None

    @property
    def is_debian_package(self) -> bool:
        """Whether it was built as a package for Debian or one of its children, and so runs with the OpenSSL of those:
        ``dpkg-buildflags`` leaves its mark among the compiler's options."""
        return "-ffile-prefix-map=" in self.arguments or "-fdebug-prefix-map=" in self.arguments

    @property
    def has_http2(self) -> bool:
        """Whether HTTP/2 is compiled in."""
        return "--with-http_v2_module" in self.arguments

    def at_least(self, *version: int) -> bool:
        """Whether this nginx is that version or newer."""
        return self.version_info >= version

    def openssl_at_least(self, *version: int) -> bool:
        """Whether the OpenSSL it runs with is that version or newer."""
        numbers = re.findall(r"\d+", self.openssl_version)
        return tuple(int(number) for number in numbers) >= version

    def lacks(self, module: str) -> bool:
        """Whether a standard module such as ``http_scgi`` was left out."""
        return f"--without-{module}_module" in self.arguments

    def __str__(self) -> str:
        return f"nginx {self.version} ({' '.join(self.openssl.split()[:2])})"
