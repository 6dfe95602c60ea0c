"""Test client-certificate checking on a real nginx.

The names of this package are loaded when they are first used: importing it costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mtls.applications.interface import AsgiApp, WsgiApp
    from pytest_mtls.arguments import Ocsp, ServerArguments, TlsUpstream, Verbatim, VirtualServer
    from pytest_mtls.browser.browser import Browser, Through
    from pytest_mtls.browser.page import Page
    from pytest_mtls.clients.outcome import ClientOutcome
    from pytest_mtls.errors import (
        ApplicationStartError,
        BrowserGone,
        BrowserUnavailable,
        ClientUnavailable,
        DeadlineExceeded,
        EngineLacksFeature,
        EngineUnavailable,
        InvalidArgument,
        InvalidConfigValue,
        InvalidMarker,
        InvalidName,
        InvalidPem,
        InvalidPkcs12,
        KeyMismatch,
        LimitReached,
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
        UnclosedWarning,
        WorkspaceUnavailable,
    )
    from pytest_mtls.factory import NginxFactory
    from pytest_mtls.harness import Harness
    from pytest_mtls.headers import Headers
    from pytest_mtls.lifecycle.fleet import Fleet
    from pytest_mtls.lifecycle.freshness import keep_fresh
    from pytest_mtls.lifecycle.invariant import Invariant
    from pytest_mtls.lifecycle.renewal import renew
    from pytest_mtls.lifecycle.rotation import rotate_ca
    from pytest_mtls.nginx.spec import VerifyMode
    from pytest_mtls.outcome import Expected, Layer, Outcome
    from pytest_mtls.own_config.changes import Change
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.keys import KeyType
    from pytest_mtls.pki.ocsp import OcspQuery, OcspResponder
    from pytest_mtls.pki.ocsp_response import OcspBehaviour
    from pytest_mtls.pki.states import Credentials, CredentialState
    from pytest_mtls.pki.trustme import from_trustme
    from pytest_mtls.probe.channel import Ending
    from pytest_mtls.probe.connection import Connection
    from pytest_mtls.probe.recorder import Forwarded
    from pytest_mtls.probe.session import Session
    from pytest_mtls.refusal import StartRefusal
    from pytest_mtls.reload import Reload
    from pytest_mtls.server import NginxServer

_HOMES = {
    "applications.interface": ("AsgiApp", "WsgiApp"),
    "arguments": ("Ocsp", "ServerArguments", "TlsUpstream", "Verbatim", "VirtualServer"),
    "browser.browser": ("Browser", "Through"),
    "browser.page": ("Page",),
    "clients.outcome": ("ClientOutcome",),
    "errors": (
        "ApplicationStartError",
        "BrowserGone",
        "BrowserUnavailable",
        "ClientUnavailable",
        "DeadlineExceeded",
        "EngineLacksFeature",
        "EngineUnavailable",
        "InvalidArgument",
        "InvalidConfigValue",
        "InvalidMarker",
        "InvalidName",
        "InvalidPem",
        "InvalidPkcs12",
        "KeyMismatch",
        "LimitReached",
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
        "UnclosedWarning",
        "WorkspaceUnavailable",
    ),
    "factory": ("NginxFactory",),
    "harness": ("Harness",),
    "headers": ("Headers",),
    "lifecycle.fleet": ("Fleet",),
    "lifecycle.freshness": ("keep_fresh",),
    "lifecycle.invariant": ("Invariant",),
    "lifecycle.renewal": ("renew",),
    "lifecycle.rotation": ("rotate_ca",),
    "nginx.spec": ("VerifyMode",),
    "outcome": ("Expected", "Layer", "Outcome"),
    "own_config.changes": ("Change",),
    "pki.authority": ("CertificateAuthority",),
    "pki.credential": ("Credential",),
    "pki.keys": ("KeyType",),
    "pki.ocsp": ("OcspQuery", "OcspResponder"),
    "pki.ocsp_response": ("OcspBehaviour",),
    "pki.states": ("CredentialState", "Credentials"),
    "pki.trustme": ("from_trustme",),
    "probe.channel": ("Ending",),
    "probe.connection": ("Connection",),
    "probe.recorder": ("Forwarded",),
    "probe.session": ("Session",),
    "refusal": ("StartRefusal",),
    "reload": ("Reload",),
    "server": ("NginxServer",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"

__all__ = [
    "ApplicationStartError",
    "AsgiApp",
    "Browser",
    "BrowserGone",
    "BrowserUnavailable",
    "CertificateAuthority",
    "Change",
    "ClientOutcome",
    "ClientUnavailable",
    "Connection",
    "Credential",
    "CredentialState",
    "Credentials",
    "DeadlineExceeded",
    "Ending",
    "EngineLacksFeature",
    "EngineUnavailable",
    "Expected",
    "Fleet",
    "Forwarded",
    "Harness",
    "Headers",
    "InvalidArgument",
    "InvalidConfigValue",
    "InvalidMarker",
    "InvalidName",
    "InvalidPem",
    "InvalidPkcs12",
    "Invariant",
    "KeyMismatch",
    "KeyType",
    "Layer",
    "LimitReached",
    "MtlsError",
    "NginxError",
    "NginxFactory",
    "NginxLacksFeature",
    "NginxServer",
    "NginxStartError",
    "NginxUnavailable",
    "Ocsp",
    "OcspBehaviour",
    "OcspQuery",
    "OcspResponder",
    "Outcome",
    "Page",
    "PortInUse",
    "Reload",
    "ReloadRefused",
    "ServerArguments",
    "ServerGone",
    "Session",
    "SharedServerError",
    "StartRefusal",
    "Through",
    "TlsUpstream",
    "Unavailable",
    "UnclosedWarning",
    "Verbatim",
    "VerifyMode",
    "VirtualServer",
    "WorkspaceUnavailable",
    "WsgiApp",
    "__version__",
    "from_trustme",
    "keep_fresh",
    "renew",
    "rotate_ca",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
