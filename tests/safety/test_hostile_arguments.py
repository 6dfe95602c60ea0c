"""Whatever is asked of a server: a typed error, or exactly that in its configuration and nothing beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import crossplane
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mtls import Harness, MtlsError, Ocsp, TlsUpstream, VirtualServer
from pytest_mtls.arguments import ARGUMENT_NAMES, ServerArguments
from pytest_mtls.nginx.bundle import Bundle, Layout, make_bundle
from tests.safety.strings import any_value, hostile_text, is_harmless

LAYOUT = Layout(
    listen=["127.0.0.1:8443"],
    error_log="error.log",
    access_log="access.log",
    http_recorder="127.0.0.1:8080",
    stream_recorder="127.0.0.1:8081",
)


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    """Nothing is started: arguments become files, and those are looked at."""
    with Harness.open("process") as opened:
        yield opened


def asked_of(harness: Harness, arguments: dict[str, Any]) -> Bundle | None:
    """The files; ``None`` for a typed error, which no terminal obeys."""
    try:
        spec = harness.resolve(ServerArguments.checked(arguments, where="nginx()"))
        bundle = make_bundle([spec] if spec.own is None else list(spec.all_listeners), harness.build, LAYOUT)
        bundle.config.encode()
        return bundle
    except MtlsError as error:
        is_typed(error)
        return None


def is_typed(error: MtlsError) -> None:
    """Nor does any terminal obey it."""
    assert is_harmless(str(error))


def parsed(config: str) -> list[dict[str, Any]]:
    """The directives, as crossplane reads them."""
    with tempfile.NamedTemporaryFile("wb", suffix=".conf") as file:
        file.write(config.encode())
        file.flush()
        read = crossplane.parse(file.name, single=True, check_ctx=False, check_args=False)
    assert read["errors"] == []
    return read["config"][0]["parsed"]  # type: ignore[no-any-return]


def shape(directives: list[dict[str, Any]]) -> list[Any]:
    """Their names, and what is nested in what."""
    return [(each["directive"], shape(each.get("block", []))) for each in directives]


def values(directives: list[dict[str, Any]], name: str) -> list[list[str]]:
    """The arguments of every directive of that name."""
    found = [each["args"] for each in directives if each["directive"] == name]
    return found + [args for each in directives for args in values(each.get("block", []), name)]


def shape_of(harness: Harness, arguments: dict[str, Any]) -> list[Any]:
    """That of arguments that harm nobody."""
    bundle = asked_of(harness, arguments)
    assert bundle is not None
    return shape(parsed(bundle.config))


@cache
def _shapes(harness: Harness) -> dict[str, list[Any]]:
    return {
        "server_names": shape_of(harness, {"server_names": ["a.test"]}),
        "forward": shape_of(harness, {"forward": {"X-A": "b"}}),
        "error_pages": shape_of(harness, {"error_pages": {495: "/x"}}),
        "session_cache": shape_of(harness, {"session_cache": "off"}),
        "upstream": shape_of(harness, {"upstream": "http://127.0.0.1:1"}),
        "name": shape_of(harness, {"upstream": TlsUpstream("https://127.0.0.1:1", name="a.test")}),
        "stream": shape_of(harness, {"protocol": "stream", "upstream": "127.0.0.1:1"}),
        "cache": shape_of(harness, {"ocsp": Ocsp("http://127.0.0.1:1/", cache="shared:A:1m")}),
        "responder": shape_of(harness, {"ocsp": Ocsp("http://127.0.0.1:1/")}),
    }


def check(harness: Harness, kind: str, directive: str, arguments: dict[str, Any], expected: list[str]) -> None:
    """A typed error, or the shape that it has with a harmless value and that directive with what was asked."""
    bundle = asked_of(harness, arguments)
    if bundle is not None:
        directives = parsed(bundle.config)
        assert shape(directives) == _shapes(harness)[kind]
        assert expected in values(directives, directive)
        assert all(is_inside(name) for name in bundle.files)


def is_inside(name: str) -> bool:
    """Whether a file of a bundle is below nginx's folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


@given(names=st.lists(hostile_text, min_size=1, max_size=3))
def test_server_names(harness: Harness, names: list[str]) -> None:
    """As ``server_name``, and nothing else."""
    check(harness, "server_names", "server_name", {"server_names": names}, names)


@given(name=hostile_text | st.just("X-A"), value=hostile_text)
def test_forwarded_headers(harness: Harness, name: str, value: str) -> None:
    """As ``proxy_set_header``."""
    check(harness, "forward", "proxy_set_header", {"forward": {name: value}}, [name, value])


@given(
    code=st.integers(290, 610), target=hostile_text.map(lambda text: f"/{text}") | hostile_text | st.integers(0, 999)
)
def test_error_pages(harness: Harness, code: int, target: int | str) -> None:
    """As ``error_page``."""
    bundle = asked_of(harness, {"error_pages": {code: target}})
    if bundle is not None and isinstance(target, str):
        check(harness, "error_pages", "error_page", {"error_pages": {code: target}}, [str(code), *target.split(" ")])


@given(value=hostile_text | hostile_text.map(lambda text: f"shared:{text}:1m"))
def test_session_caches(harness: Harness, value: str) -> None:
    """As ``ssl_session_cache``."""
    check(harness, "session_cache", "ssl_session_cache", {"session_cache": value}, value.split(" "))


@given(value=hostile_text.map(lambda text: f"http://{text}") | hostile_text.map(lambda text: f"http://a/{text}"))
def test_upstreams(harness: Harness, value: str) -> None:
    """As ``proxy_pass``."""
    check(harness, "upstream", "proxy_pass", {"upstream": value}, [value])


@given(value=hostile_text.map(lambda text: f"{text}:1") | hostile_text)
def test_stream_upstreams(harness: Harness, value: str) -> None:
    """As the stream module's ``proxy_pass``."""
    check(harness, "stream", "proxy_pass", {"protocol": "stream", "upstream": value}, [value])


@given(name=hostile_text)
def test_names_of_tls_upstreams(harness: Harness, name: str) -> None:
    """As ``proxy_ssl_name``."""
    check(
        harness, "name", "proxy_ssl_name", {"upstream": TlsUpstream("https://127.0.0.1:1", name=name)}, [name]
    )  # fmt: skip


@given(text=hostile_text)
def test_ocsp(harness: Harness, text: str) -> None:
    """As ``ssl_ocsp_cache`` and ``ssl_ocsp_responder``."""
    for kind, directive, value in (
        ("cache", "ssl_ocsp_cache", f"shared:{text}:1m"),
        ("responder", "ssl_ocsp_responder", f"http://{text}"),
    ):
        try:
            asked = Ocsp("http://127.0.0.1:1/", cache=value) if kind == "cache" else Ocsp(value)
        except MtlsError as error:
            is_typed(error)
            continue
        check(harness, kind, directive, {"ocsp": asked}, [value])


@given(name=hostile_text)
def test_names_of_virtual_servers(harness: Harness, name: str) -> None:
    """They make folders for their files: below nginx's own."""
    try:
        virtual = [VirtualServer("a.test"), VirtualServer(name)]
    except MtlsError as error:
        is_typed(error)
        return
    bundle = asked_of(harness, {"virtual_servers": virtual})
    assert bundle is None or all(is_inside(each) for each in bundle.files)


@given(name=st.sampled_from(ARGUMENT_NAMES), value=any_value)
def test_values_of_any_type(harness: Harness, name: str, value: Any) -> None:
    """A typed error, or a configuration that can be read."""
    bundle = asked_of(harness, {name: value})
    if bundle is not None and name not in ("directives", "http_directives", "main_directives"):
        parsed(bundle.config)


@given(name=hostile_text, value=any_value)
def test_arguments_of_any_name(harness: Harness, name: str, value: Any) -> None:
    """A typed error that no terminal obeys."""
    if name not in ARGUMENT_NAMES:
        with pytest.raises(MtlsError) as refused:
            ServerArguments.checked({name: value}, where="nginx()")
        assert is_harmless(str(refused.value))


_WORDS = st.sampled_from(
    [
        *(
            "events",
            "http",
            "stream",
            "server",
            "location",
            "/",
            "if",
            "map",
            "default",
            "upstream",
            "api",
            "set",
            "$a",
        ),
        *("listen", "443", "ssl", "0.0.0.0:80", "unix:/x", "include", "*.conf", "../x", "/etc/passwd", "root", "alias"),
        *("ssl_certificate", "a.pem", "ssl_certificate_key", "proxy_pass", "http://api", "try_files", "user", "daemon"),
        *("error_log", "access_log", "load_module", "perl", "js_import", "env", "on", "off"),
    ]
)
_CONFIGURATION = st.lists(
    _WORDS | st.sampled_from([";", "{", "}", "\n", "# c\n", "'", '"']) | hostile_text, max_size=40
)
_SERVER = "listen 443 ssl; ssl_certificate a.pem; ssl_certificate_key a.key;"


@given(words=_CONFIGURATION, within=st.booleans())
def test_configurations_of_the_user_s_own(harness: Harness, words: list[str], within: bool) -> None:
    """Of any text: a typed error, or a configuration that can be read, none of whose files are elsewhere."""
    text = " ".join(words)
    if within:
        text = f"events {{}} http {{ server {{ {_SERVER}\n{text}\n}} }}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "nginx.conf")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        bundle = asked_of(harness, {"config": path})
    if bundle is not None:
        parsed(bundle.config)
        assert all(is_inside(name) for name in bundle.files)
        assert not {"load_module", "perl", "js_import"} & {each["directive"] for each in parsed(bundle.config)}
