"""Every ``$ssl_*`` variable, and the nginx that first had it.

Read off the release tags of nginx: the tables ``ngx_http_ssl_vars`` (``ngx_http_ssl_module.c``) and
``ngx_stream_ssl_vars`` (``ngx_stream_ssl_module.c``). A variable that an nginx does not know is an error in its
configuration, so this must be exact.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pytest_mtls.nginx.build import NginxBuild

_ALWAYS: Final = (0,)

HTTP_SINCE: Final = MappingProxyType(
    {
        "ssl_protocol": _ALWAYS,
        "ssl_cipher": _ALWAYS,
        "ssl_ciphers": (1, 11, 7),
        "ssl_curve": (1, 21, 5),
        "ssl_curves": (1, 11, 7),
        "ssl_sigalg": (1, 29, 3),
        "ssl_sigalgs": (1, 31, 2),
        "ssl_session_id": _ALWAYS,
        "ssl_session_reused": (1, 5, 11),
        "ssl_early_data": (1, 15, 3),
        "ssl_server_name": (1, 7, 0),
        "ssl_alpn_protocol": (1, 21, 4),
        "ssl_ech_status": (1, 29, 4),
        "ssl_ech_outer_server_name": (1, 29, 4),
        "ssl_client_verify": _ALWAYS,
        "ssl_client_s_dn": _ALWAYS,
        "ssl_client_i_dn": _ALWAYS,
        "ssl_client_s_dn_legacy": (1, 11, 6),
        "ssl_client_i_dn_legacy": (1, 11, 6),
        "ssl_client_serial": _ALWAYS,
        "ssl_client_fingerprint": (1, 7, 1),
        "ssl_client_v_start": (1, 11, 7),
        "ssl_client_v_end": (1, 11, 7),
        "ssl_client_v_remain": (1, 11, 7),
        "ssl_client_sigalg": (1, 29, 3),
        "ssl_client_cert": _ALWAYS,
        "ssl_client_raw_cert": _ALWAYS,
        "ssl_client_escaped_cert": (1, 13, 5),
    }
)

_HTTP_ONLY: Final = frozenset({"ssl_early_data", "ssl_client_s_dn_legacy", "ssl_client_i_dn_legacy"})


def known_variables(build: NginxBuild, *, stream: bool = False) -> tuple[str, ...]:
    """The names, without ``$``, that this nginx knows in ``http`` or in ``stream``."""
    return tuple(
        name
        for name, since in HTTP_SINCE.items()
        if build.version_info >= since and not (stream and name in _HTTP_ONLY)
    )
