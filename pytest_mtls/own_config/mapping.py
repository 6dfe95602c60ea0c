"""nginx's refusals, with the user's files and lines in place of those it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pytest_mtls.engines.failures import emergencies
from pytest_mtls.errors import NginxStartError
from pytest_mtls.nginx.spec import ServerSpec
from pytest_mtls.own_config.configuration import OwnConfiguration

_ADVICE: Final[Mapping[str, str]] = {
    "host not found in": "Name an address in its place, or what the test is to reach: "
    "upstreams={'name as written': ...}.",
    "unknown directive": "Either it is misspelt, or the module that knows it is not in this nginx: run another one, "
    "such as nginx='trixie' (--nginx trixie), or leave it out of what you test.",
}


@contextmanager
def own_config_named(spec: ServerSpec) -> Iterator[None]:
    """Name the user's file and line where nginx does not start with their configuration.

    Raises:
        NginxStartError: as nginx gave it, in their words.
    """
    try:
        yield
    except NginxStartError as error:
        if not isinstance(spec.own, OwnConfiguration):
            raise
        reasons = "\n".join(emergencies(error.log)) or "\n".join(error.log[-5:]) or "nothing"
        advice = "".join(f"\n{what_to_do}" for said, what_to_do in _ADVICE.items() if said in reasons)
        raise NginxStartError(
            f"nginx would not start with {spec.own.path}. It said:\n{spec.own.in_their_words(reasons)}{advice}",
            log=error.log,
            config=error.config,
        ) from error
