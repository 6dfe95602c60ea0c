"""What a reproducer gives nginx: the server's own configuration, and a stand-in for the application behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_mtls.nginx.bundle import CONFIG, BundleFile, Layout, make_bundle
from pytest_mtls.nginx.spec import Protocol

if TYPE_CHECKING:
    from pytest_mtls.nginx.build import NginxBuild
    from pytest_mtls.nginx.spec import ServerSpec

DEFAULT_PORT: Final = 8443
STAND_IN: Final = "behind.conf"
LISTEN: Final = "listen.conf"
LISTEN_IN_CONTAINER: Final = "listen-in-container.conf"
ERROR_LOG: Final = "error.log"
ACCESS_LOG: Final = "access.log"

_HIGHEST_PORT: Final = 65535
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class NginxFiles:
    """What nginx reads.

    Attributes:
        files: by path relative to the folder.
        port: where it listens.
        behind: where the stand-in listens.
    """

    files: Mapping[str, BundleFile]
    port: int
    behind: int


def nginx_files(spec: ServerSpec, build: NginxBuild, port: int) -> NginxFiles:
    """The files for one server with everything it needs beside it.

    Args:
        spec: the server.
        build: the nginx that it ran on; the text is for its version, and for no particular way of building it.
        port: where to listen.
    """
    behind = port + 1 if port < _HIGHEST_PORT else port - 1
    address = f"127.0.0.1:{behind}"
    layout = Layout(
        listen=[f"127.0.0.1:{port}"],
        error_log=ERROR_LOG,
        access_log=ACCESS_LOG,
        http_recorder=address,
        stream_recorder=address,
    )
    bundle = make_bundle([spec], _anyhow_built(build), layout)
    module = str(spec.protocol)
    config, inserted = re.subn(rf"(?m)^{module} \{{$", f"{module} {{\n    include {STAND_IN};", bundle.config)
    assert inserted == 1
    config, listen = _without_listen(config, port)
    stand_in = _http_stand_in(spec, address) if spec.protocol is Protocol.HTTP else _stream_stand_in(address)
    texts = {
        CONFIG: config,
        STAND_IN: stand_in,
        LISTEN: f"# Nobody but this machine.\n{listen}\n",
        LISTEN_IN_CONTAINER: f"# In place of {LISTEN}: compose.yaml publishes the port on 127.0.0.1 alone.\n"
        f"{listen.replace('127.0.0.1:', '')}\n",
    }
    files = {name: BundleFile(text.encode()) for name, text in texts.items()}
    return NginxFiles({**files, **bundle.files}, port, behind)


def _without_listen(config: str, port: int) -> tuple[str, str]:
    """The configuration with its `listen` lines, which are all alike, in a file of their own: and that line.

    Started plainly it is not to be reached from elsewhere; in a container it must listen on all addresses, for the
    engine to reach it.
    """
    line = re.compile(rf"listen 127\.0\.0\.1:{port} ssl[^;]*;")
    listen = line.search(config)
    assert listen is not None
    return line.sub(f"include {LISTEN};", config), listen.group()


def _anyhow_built(build: NginxBuild) -> NginxBuild:
    """The same version with nothing that only some builds of it have: debug logging, modules at a path of this
    machine."""
    arguments = "--with-http_ssl_module --with-http_v2_module --with-stream --with-stream_ssl_module"
    return replace(build, arguments=arguments, stream_module=None)


def _http_stand_in(spec: ServerSpec, address: str) -> str:
    names = dict.fromkeys(name for block in spec.blocks for name, _ in block.forward if _PLAIN_NAME.fullmatch(name))
    said = "".join(rf"{name}: $http_{name.lower().replace('-', '_')}\n" for name in names)
    return f"""\
# In place of the application: it says what arrived.
server {{
    listen {address};
    access_log off;
    large_client_header_buffers 4 64k;
    default_type text/plain;
    return 200 "behind nginx arrived: $request_method $request_uri\\n{said}";
}}
"""


def _stream_stand_in(address: str) -> str:
    return f"""\
# In place of the application: it greets whoever comes through.
server {{
    listen {address};
    access_log off;
    return "behind nginx arrived: a connection\\n";
}}
"""
