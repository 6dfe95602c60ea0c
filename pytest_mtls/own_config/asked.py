"""``config=``: what goes with it, and the spec that it makes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_mtls.applications.interface import is_application
from pytest_mtls.arguments import UNSET, ServerArguments
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx import text
from pytest_mtls.nginx.spec import ServerSpec
from pytest_mtls.own_config.configuration import load
from pytest_mtls.own_config.minting import Mint

if TYPE_CHECKING:
    from pytest_mtls.resolution import Surroundings

_BESIDE: Final = ("config", "files", "upstreams", "nginx", "port", "clock")


def check(arguments: ServerArguments) -> None:
    """Check what can be checked without reading the configuration.

    Raises:
        InvalidArgument: there is no such file, or an argument does not go with it.
    """
    given = arguments.given()
    config = given.get("config")
    if config is None:
        for name in ("files", "upstreams"):
            if given.get(name):
                raise InvalidArgument(f"{name} goes with config='nginx.conf' only.")
        return
    if not isinstance(config, str | os.PathLike):
        raise InvalidArgument(f"config={config!r} is not the path of an nginx.conf.")
    path = Path(config)
    if not path.is_file():
        raise InvalidArgument(f"config={str(config)!r}: there is no such file (looked in {path.resolve().parent}).")
    for name in given:
        if name not in _BESIDE:
            raise InvalidArgument(
                f"{name} does not go with config={str(config)!r}, which says it itself; "
                f"beside config there are: {', '.join(_BESIDE[1:])}."
            )
    for name in ("files", "upstreams"):
        value = given.get(name)
        if value is not None and not (isinstance(value, Mapping) and all(isinstance(each, str) for each in value)):
            raise InvalidArgument(f"{name}={value!r} is not a mapping such as {{'name as written': ...}}.")


def resolve(arguments: ServerArguments, surroundings: Surroundings) -> ServerSpec:
    """The default listener of the configuration that was asked for.

    Raises:
        InvalidArgument: file and line say what cannot be.
    """
    given = arguments.given()
    mint = Mint(
        files=given.get("files") or {},
        client_ca=surroundings.client_ca,
        full_crl=surroundings.full_crl,
        server_credential=surroundings.server_credential,
        client_credential=surroundings.client_credential,
    )
    upstreams = {name: _reached(name, value, surroundings) for name, value in (given.get("upstreams") or {}).items()}
    clock = {} if given.get("clock", UNSET) is UNSET else {"clock": given["clock"]}
    loaded = load(Path(given["config"]), mint=mint, upstreams=upstreams, port=given.get("port", 0), **clock)
    return loaded.specs()[0]


def _reached(name: str, value: Any, surroundings: Surroundings) -> Any:
    if is_application(value):
        return f"http://{surroundings.application(value)}"
    if isinstance(value, str) and value.startswith(text.CONTAINER):
        # No scheme: what is written beside it says whether it is met by TLS.
        return surroundings.container(*text.container(value, argument=f"upstreams[{name!r}]"))
    return value
