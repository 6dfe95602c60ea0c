"""Directives that cannot stay as they are in a test, with the reason that is reported."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

_OURS: Final = "the test has its own, which it reads"
_HOST: Final = "it belongs to the machine, not to what is tested"
_NETWORK: Final = "nothing beyond this machine is spoken to"
_WRITES: Final = "it writes outside nginx's own folder"

TAKEN_OUT: Final = MappingProxyType(
    {
        **dict.fromkeys(("access_log", "error_log", "pid", "lock_file", "open_log_file_cache"), _OURS),
        **dict.fromkeys(("daemon", "master_process"), "nginx runs in the foreground, watched by the test"),
        **dict.fromkeys(
            (
                "user",
                "working_directory",
                "worker_rlimit_core",
                "worker_rlimit_nofile",
                "worker_priority",
                "worker_cpu_affinity",
                "debug_points",
                "debug_connection",
                "env",
                "ssl_engine",
                "use",
                "google_perftools_profiles",
                "timer_resolution",
            ),
            _HOST,
        ),
        "worker_processes": "the test has one worker, which it tells from those of before a reload",
        "load_module": "the nginx that runs brings its own modules; stream is loaded where it is used",
        **dict.fromkeys(
            (
                "resolver",
                "ssl_stapling",
                "ssl_stapling_verify",
                "ssl_stapling_responder",
                "ssl_stapling_file",
                "ssl_ocsp",
                "ssl_ocsp_responder",
                "proxy_bind",
                "grpc_bind",
                "uwsgi_bind",
                "fastcgi_bind",
                "scgi_bind",
                "memcached_bind",
                "otel_exporter",
                "mail",
                "rtmp",
                "mgmt",
            ),
            _NETWORK,
        ),
        **dict.fromkeys(
            (
                *(f"{name}_temp_path" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
                *(f"{name}_store" for name in ("proxy", "fastcgi", "uwsgi", "scgi")),
                "dav_methods",
            ),
            _WRITES,
        ),
        **dict.fromkeys(
            ("geoip_country", "geoip_city", "geoip_org", "geoip2", "xslt_stylesheet", "xml_entities"),
            "it reads a file that is not part of the configuration",
        ),
        "proxy_protocol": "clients and listeners of the test do without the PROXY line",
    }
)

CACHE_PATHS: Final = frozenset(f"{name}_cache_path" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))

_CODE: Final = ("lua_", "perl", "js_", "njs", "quickjs", "passenger", "cgi", "wasm", "python_")

URI_DIRECTIVES: Final = frozenset(
    {"location", "return", "if", "server_name", "log_format", "proxy_redirect", "add_header"}
)
"""Directives whose arguments never become a path: rewrite, error_page and try_files do, and nginx does not normalise
what they name."""

FOUND_ON_DISK: Final = frozenset({"try_files", "index"})
"""Directives whose arguments nginx puts behind ``root`` as they come, ``..`` and all."""

SAYS_THE_CLIENT: Final = re.compile(r"\$\{?(?:arg_|http_|cookie_|args|query_string|request_uri|request_body)")
"""Variables that hold what a client wrote, not normalised as ``$uri`` is."""

SAFE_SSL_COMMANDS: Final = frozenset(
    {
        "Options",
        "Ciphersuites",
        "CipherString",
        "SignatureAlgorithms",
        "ClientSignatureAlgorithms",
        "Curves",
        "Groups",
        "MinProtocol",
        "MaxProtocol",
        "NumTickets",
        "RecordPadding",
    }
)
"""Of the commands of SSL_CONF_cmd(3), those that read no file."""


def runs_code(name: str) -> bool:
    """Whether the directive runs a program inside nginx or beside it."""
    return "_by_lua" in name or name.startswith(_CODE)
