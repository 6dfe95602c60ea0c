"""The one place where a user's value becomes nginx configuration text.

nginx has no way to escape ``$`` inside a value, and a newline, a quote, a brace or a semicolon in the wrong place ends
the directive. So what would change the meaning of the text is refused here, with the argument's name and the remedy.
"""

from __future__ import annotations

import re
from typing import Final

from pytest_mtls.errors import InvalidConfigValue
from pytest_mtls.nginx.spec import ABSENT, FileContent

_SERVER_NAME: Final = re.compile(
    r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?:\.\*)?\.?|_|\*|[0-9A-Fa-f:]+"
)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#%&'*+.^_`|~-]+")
_VARIABLE: Final = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})")
_FORBIDDEN_IN_VALUE: Final = re.compile(r"""[\x00-\x08\x0a-\x1f\x7f"'{};\\\ud800-\udfff]""")
_NOT_WRITTEN: Final = re.compile(r"[\x00\ud800-\udfff]")
_QUOTED_IN_NAME: Final = re.compile(r"[#']")
_SESSION_CACHE: Final = re.compile(r"off|none|builtin(?::\d+)?|(?:builtin(?::\d+)? )?shared:[A-Za-z0-9_]+:\d+[kKmM]?")
_ERROR_PAGE: Final = re.compile(r"(?:=(?:\d{3})? )?(?:/|@[A-Za-z]|https?://)[A-Za-z0-9_./:@?&=%~-]*")
_UPSTREAM_URL: Final = re.compile(
    r"https?://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(?:/[A-Za-z0-9_./%~-]*)?"
)
CONTAINER: Final = "container://"
_CONTAINER: Final = re.compile(rf"{CONTAINER}([A-Za-z0-9][A-Za-z0-9_.-]*):([0-9]{{1,5}})")  # moby: RestrictedNameChars
_STREAM_UPSTREAM: Final = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}")


def server_name(value: str, *, argument: str = "server_names") -> str:
    """A name for ``server_name``: a host name, ``*.example.org``, ``example.*``, ``_`` or an IP address.

    Raises:
        InvalidConfigValue: it holds anything else; regular expressions belong into ``directives``.
    """
    if not isinstance(value, str) or not _SERVER_NAME.fullmatch(value):
        raise InvalidConfigValue(
            f"{argument}: {value!r} is not a host name. Use letters, digits, '-', '_', '.', or a '*' at one end; "
            "a regular expression can be given through directives=['server_name ~...;']."
        )
    return value


def header_name(value: str, *, argument: str) -> str:
    """A field name (RFC 9110 section 5.1), quoted where nginx would take it for a comment or a quotation.

    Raises:
        InvalidConfigValue: it is not a token.
    """
    if not isinstance(value, str) or not _HEADER_NAME.fullmatch(value):
        raise InvalidConfigValue(
            f"{argument}: {value!r} is not a header name (RFC 9110: letters, digits and !#%&'*+-.^_`|~)."
        )
    return f'"{value}"' if _QUOTED_IN_NAME.search(value) else value


def header_value(value: str, *, argument: str) -> str:
    """A value for ``proxy_set_header``, quoted; ``$name`` and ``${name}`` are nginx variables.

    Raises:
        InvalidConfigValue: it holds what nginx would not take literally, or a ``$`` that starts no variable.
    """
    if not isinstance(value, str):
        raise InvalidConfigValue(f"{argument}: {value!r} is not text.")
    literal = _VARIABLE.sub("", value)
    if bad := _FORBIDDEN_IN_VALUE.search(literal):
        raise InvalidConfigValue(
            f"{argument}: {bad.group()!r} in {value!r} would end or change the directive. Leave it out, "
            "or write the whole line yourself: directives=['proxy_set_header NAME VALUE;']."
        )
    if "$" in literal:
        raise InvalidConfigValue(
            f"{argument}: a '$' in {value!r} starts no variable name, and nginx has no way to write it literally. "
            "Name a variable ($ssl_client_verify), or define one with `map` in a configuration of your own."
        )
    return f'"{value}"'


def session_cache(value: str) -> str:
    """A value for ``ssl_session_cache``.

    Raises:
        InvalidConfigValue: it is not of nginx's forms.
    """
    if not isinstance(value, str) or not _SESSION_CACHE.fullmatch(value):
        raise InvalidConfigValue(
            f"session_cache={value!r} is not understood; "
            "use 'off', 'none', 'builtin', 'builtin:1000' or 'shared:NAME:1m'."
        )
    return value


def error_page(code: int, target: int | str) -> int | str:
    """One entry of ``error_pages``: a status to answer with, or the text after the code in ``error_page``.

    Raises:
        InvalidConfigValue: code or target is not of nginx's forms.
    """
    if not isinstance(code, int) or not 300 <= code <= 599:
        raise InvalidConfigValue(
            f"error_pages: {code!r} is not a status between 300 and 599 (nginx: 495, 496, 497 for TLS)."
        )
    if isinstance(target, int) and 200 <= target <= 599:
        return target
    if isinstance(target, str) and _ERROR_PAGE.fullmatch(target):
        return target
    raise InvalidConfigValue(
        f"error_pages: {target!r} for {code} is not understood; "
        "use a status (403), a path ('/login'), or both ('=401 /login')."
    )


def upstream_url(value: str) -> str:
    """A URL for ``proxy_pass``.

    Raises:
        InvalidConfigValue: it is not a plain http or https URL.
    """
    if not _UPSTREAM_URL.fullmatch(value):
        raise InvalidConfigValue(f"upstream={value!r} is not a plain URL such as 'http://127.0.0.1:8000'.")
    return value


def container(value: str, *, argument: str = "upstream") -> tuple[str, int]:
    """Name and port of ``container://name:port``.

    Raises:
        InvalidConfigValue: it is not of that form.
    """
    found = _CONTAINER.fullmatch(value)
    if not found or not 1 <= int(found[2]) <= 65535:
        raise InvalidConfigValue(f"{argument}={value!r} is not of the form 'container://name:port'.")
    return found[1], int(found[2])


def stream_upstream(value: str) -> str:
    """An address for ``proxy_pass`` of the stream module.

    Raises:
        InvalidConfigValue: it is not ``host:port``.
    """
    if not _STREAM_UPSTREAM.fullmatch(value):
        raise InvalidConfigValue(f"upstream={value!r} is not of the form 'host:port', as a stream server needs it.")
    return value


def file_path(folder: str, name: str, content: FileContent) -> str:
    """Where a file is, relative to nginx's prefix; of one that is not to be there, a path at which nothing ever is."""
    return f"{folder}/absent-{name}" if content is ABSENT else f"{folder}/{name}"


def directive(value: str, *, argument: str = "directives") -> str:
    """A line of configuration, taken as it is.

    Raises:
        InvalidConfigValue: it is not text, or holds a NUL byte, at which nginx would stop reading, or what UTF-8 has
            no bytes for.
    """
    if not isinstance(value, str) or _NOT_WRITTEN.search(value):
        raise InvalidConfigValue(f"{argument}: {value!r} is not a line of nginx configuration; give text.")
    return value
