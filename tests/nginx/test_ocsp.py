"""The lines about OCSP, and who can read them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mtls import InvalidArgument, InvalidConfigValue, NginxLacksFeature, Ocsp
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import Layout, make_bundle
from pytest_mtls.nginx.spec import OcspCheck, Protocol, ServerBlock, ServerSpec

CHECK = OcspCheck(scope="leaf", responder="http://127.0.0.1:8080/", cache="shared:ocsp:1m")


def config(version: str, protocol: Protocol, check: OcspCheck | None = CHECK) -> str:
    """What that nginx would be given."""
    block = ServerBlock(names=("localhost",), certificate=b"", key=b"", client_ca=b"", ocsp=check)
    build = NginxBuild(version, "OpenSSL 3.0.19", "--with-stream --with-stream_ssl_module")
    layout = Layout(listen=["1"], error_log="l", access_log="l", http_recorder="r", stream_recorder="r")
    return make_bundle([ServerSpec(blocks=(block,), protocol=protocol)], build, layout).config


@pytest.mark.parametrize(
    "protocol, without, since", [(Protocol.HTTP, "1.18.0", "1.19.0"), (Protocol.STREAM, "1.27.1", "1.27.2")]
)
def test_an_nginx_that_cannot_ask_is_an_error_that_names_the_version_which_can(
    protocol: Protocol, without: str, since: str
) -> None:
    """In place of nginx's own: unknown directive."""
    with pytest.raises(NginxLacksFeature, match=f"nginx {without} .*ocsp=.*since {since}.*--mtls-nginx"):
        config(without, protocol)

    assert "ssl_ocsp" not in config(without, protocol, None)
    assert [line.strip() for line in config(since, protocol).splitlines() if "ssl_ocsp" in line] == [
        "ssl_ocsp leaf;",
        "ssl_ocsp_responder http://127.0.0.1:8080/;",
        "ssl_ocsp_cache shared:ocsp:1m;",
    ]


def test_only_a_cache_keeps_a_server_from_sharing_its_nginx() -> None:
    """Its zone belongs to all of nginx."""
    block = ServerBlock(names=("localhost",), certificate=b"", key=b"", ocsp=CHECK)
    alone = ServerBlock(
        names=("localhost",), certificate=b"", key=b"", ocsp=OcspCheck(scope="leaf", responder=None, cache=None)
    )

    assert not ServerSpec(blocks=(block,)).may_share_nginx
    assert ServerSpec(blocks=(alone,)).may_share_nginx


@pytest.mark.parametrize(
    "arguments, error, mentions",
    [
        ({}, InvalidArgument, "nobody to ask"),
        ({"responder": 7}, InvalidArgument, "7 is no OcspResponder"),
        ({"responder": "ocsp.example.org"}, InvalidConfigValue, "not a plain URL"),
        ({"responder": "http://a/;ssl_verify_client off"}, InvalidConfigValue, "not a plain URL"),
        ({"responder": "http://a/", "scope": "chain"}, InvalidArgument, "scope='chain'.*'leaf', 'on'"),
        ({"responder": "http://a/", "cache": "builtin"}, InvalidConfigValue, "cache='builtin'.*shared:NAME:1m"),
        ({"responder": "http://a/", "cache": "shared:a:1m; x"}, InvalidConfigValue, "cache="),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_named(arguments: dict[str, Any], error: type[Exception], mentions: str) -> None:
    """Where it is written, before there is a server."""
    with pytest.raises(error, match=mentions):
        Ocsp(**arguments)
