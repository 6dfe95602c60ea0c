"""Test client-certificate checking on a real nginx.

The names of this package are loaded when they are first used: importing it costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mtls.arguments import Ocsp, ServerArguments, VirtualServer
    from pytest_mtls.errors import (
        DeadlineExceeded,
        EngineUnavailable,
        InvalidArgument,
        InvalidConfigValue,
        InvalidMarker,
        InvalidName,
        InvalidPem,
        KeyMismatch,
        MtlsError,
        NginxError,
        NginxLacksFeature,
        NginxStartError,
        NginxUnavailable,
        PortInUse,
        ReloadRefused,
        ServerGone,
        SharedServerError,
        Unavailable,
        WorkspaceUnavailable,
    )
    from pytest_mtls.harness import Harness
    from pytest_mtls.headers import Headers
    from pytest_mtls.nginx.spec import VerifyMode
    from pytest_mtls.outcome import Expected, Layer, Outcome
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.keys import KeyType
    from pytest_mtls.pki.ocsp import OcspQuery, OcspResponder
    from pytest_mtls.pki.ocsp_response import OcspBehaviour
    from pytest_mtls.pki.states import Credentials, CredentialState
    from pytest_mtls.probe.channel import Ending
    from pytest_mtls.probe.connection import Connection
    from pytest_mtls.probe.recorder import Forwarded
    from pytest_mtls.probe.session import Session
    from pytest_mtls.reload import Reload
    from pytest_mtls.server import NginxServer

_HOMES = {
    "arguments": ("Ocsp", "ServerArguments", "VirtualServer"),
    "errors": (
        "DeadlineExceeded",
        "EngineUnavailable",
        "InvalidArgument",
        "InvalidConfigValue",
        "InvalidMarker",
        "InvalidName",
        "InvalidPem",
        "KeyMismatch",
        "MtlsError",
        "NginxError",
        "NginxLacksFeature",
        "NginxStartError",
        "NginxUnavailable",
        "PortInUse",
        "ReloadRefused",
        "ServerGone",
        "SharedServerError",
        "Unavailable",
        "WorkspaceUnavailable",
    ),
    "harness": ("Harness",),
    "headers": ("Headers",),
    "nginx.spec": ("VerifyMode",),
    "outcome": ("Expected", "Layer", "Outcome"),
    "pki.authority": ("CertificateAuthority",),
    "pki.credential": ("Credential",),
    "pki.keys": ("KeyType",),
    "pki.ocsp": ("OcspQuery", "OcspResponder"),
    "pki.ocsp_response": ("OcspBehaviour",),
    "pki.states": ("CredentialState", "Credentials"),
    "probe.channel": ("Ending",),
    "probe.connection": ("Connection",),
    "probe.recorder": ("Forwarded",),
    "probe.session": ("Session",),
    "reload": ("Reload",),
    "server": ("NginxServer",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"

__all__ = [
    "CertificateAuthority",
    "Connection",
    "Credential",
    "CredentialState",
    "Credentials",
    "DeadlineExceeded",
    "Ending",
    "EngineUnavailable",
    "Expected",
    "Forwarded",
    "Harness",
    "Headers",
    "InvalidArgument",
    "InvalidConfigValue",
    "InvalidMarker",
    "InvalidName",
    "InvalidPem",
    "KeyMismatch",
    "KeyType",
    "Layer",
    "MtlsError",
    "NginxError",
    "NginxLacksFeature",
    "NginxServer",
    "NginxStartError",
    "NginxUnavailable",
    "Ocsp",
    "OcspBehaviour",
    "OcspQuery",
    "OcspResponder",
    "Outcome",
    "PortInUse",
    "Reload",
    "ReloadRefused",
    "ServerArguments",
    "ServerGone",
    "Session",
    "SharedServerError",
    "Unavailable",
    "VerifyMode",
    "VirtualServer",
    "WorkspaceUnavailable",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
