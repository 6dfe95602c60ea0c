"""Lines of the user's own, in the three places there are, and what nginx does where nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mtls import CredentialState, Harness, InvalidArgument, InvalidConfigValue, NginxServer, VirtualServer
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import Layout, make_bundle
from pytest_mtls.nginx.spec import ServerBlock, ServerSpec, UpstreamTls
from tests.steps.conftest import OneOfFive

Serve = Callable[..., NginxServer]


def test_the_versions_of_tls_that_nginx_chooses_itself(each: OneOfFive) -> None:
    """Entry 22: TLS 1.3 by default since 1.23.4."""
    nginx = each(tls=None)
    alice = each.harness.ca.issue_client("alice")

    by_default, demanding = nginx.request(credential=alice), nginx.request(credential=alice, tls="1.3")

    assert "ssl_protocols" not in nginx.config
    old = each.name in ("bullseye", "bookworm")
    assert by_default.tls_version == ("1.2" if old else "1.3")
    assert (demanding.alert, demanding.accepted) == (("protocol_version", False) if old else (None, True))


def test_versions_of_a_server_that_is_not_the_default(each: OneOfFive) -> None:
    """Entry 23: before 1.29.2 the default server's versions hold for all."""
    servers = [VirtualServer("a.test", tls="1.2"), VirtualServer("b.test", tls="1.3")]
    nginx = each(verify="off", virtual_servers=servers)

    used = each.name in ("forky", "bundled")
    assert nginx.request(server_name="b.test").tls_version == ("1.3" if used else "1.2")


def test_locations_of_ones_own_reach_the_recorder(serve: Serve, harness: Harness) -> None:
    """A spoofed header gets through where a location loses the inherited ones (entry 46)."""
    nginx = serve(
        verify="optional",
        default_location=False,
        directives=[
            "proxy_set_header X-Verify $ssl_client_verify;",
            "location / { proxy_pass http://recorder; }",
            "location /lost { proxy_set_header X-Other 1; proxy_pass http://recorder; }",
            "location /closed { return 403; }",
        ],
    )

    kept, lost = (nginx.request(path, headers={"X-Verify": "SUCCESS"}).forwarded for path in ("/kept", "/lost"))

    assert kept is not None
    assert kept["X-Verify"] == "NONE"
    assert lost is not None
    assert lost["X-Verify"] == "SUCCESS"
    assert nginx.request("/closed").status == 403


def test_lines_around_the_servers_and_at_the_top(serve: Serve, harness: Harness) -> None:
    """A map in http {}, more workers at the top level: where nginx takes a directive once, the user's counts."""
    nginx = serve(
        verify="optional",
        http_directives='map $ssl_client_verify $who { SUCCESS known; default "not known"; }',
        main_directives=["worker_processes 3;"],
        forward={"X-Who": "$who"},
    )

    forwarded = nginx.request(credential=harness.ca.issue_client("alice")).forwarded
    assert forwarded is not None
    assert forwarded["X-Who"] == "known"
    assert nginx.config.count("worker_processes") == 1
    assert nginx.update(verify="on").applied
    assert not nginx.request().accepted
    assert sum("start worker process " in line for line in nginx.log) == 6


def test_a_stream_server_with_its_own_way_to_the_recorder(serve: Serve, harness: Harness) -> None:
    """The lines around it belong to stream {}."""
    nginx = serve(
        protocol="stream",
        default_location=False,
        http_directives="map $ssl_client_verify $target { default recorder; }",
        directives="proxy_pass $target;",
    )

    with nginx.connect(credential=harness.ca.issue_client("device")) as connection:
        assert connection.exchange(b"ping") == b"ping"


def test_what_is_foretold_stops_at_lines_of_ones_own(process_harness: Harness) -> None:
    """expected() says so rather than guess."""
    for arguments in (
        {"http_directives": "map $uri $x { default 1; }"},
        {"main_directives": "worker_shutdown_timeout 1s;"},
        {"default_location": False},
    ):
        server = process_harness.nginx(**arguments)
        with pytest.raises(InvalidArgument, match="cannot know"):
            server.expected(CredentialState.VALID)


def test_a_connection_in_use_outlives_a_reload_that_does_not_wait_for_it(serve: Serve, harness: Harness) -> None:
    """Entry 14: new connections meet the new configuration, the old one goes on until it ends."""
    nginx = serve(protocol="stream", verify="off")
    with nginx.connect() as connection:
        assert connection.exchange(b"before") == b"before"

        reload = nginx.update(verify="on", drain=False)

        assert (reload.applied, reload.retiring) == (True, 1)
        assert not nginx.request().accepted
        assert connection.exchange(b"after") == b"after"
    assert nginx.reload().retiring == 0


@pytest.mark.parametrize("argument", ["directives", "http_directives", "main_directives"])
@pytest.mark.parametrize("value", [5, b"worker_processes 2;", [b"x"], [None], "a\0b"])
def test_lines_that_are_not_text_are_named(process_harness: Harness, argument: str, value: Any) -> None:
    """By the argument that holds them."""
    with pytest.raises(InvalidConfigValue, match=rf"^{argument}: .*not a line of nginx configuration; give text"):
        process_harness.nginx(**{argument: value})


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"default_location": "no"}, "default_location='no'"),
        ({"clock": 5}, "clock=5 is not a timedelta"),
        ({"virtual_servers": VirtualServer("a.test", default_location=None)}, "default_location=None"),
    ],
)
def test_a_wrong_value_is_named(process_harness: Harness, arguments: dict[str, Any], said: str) -> None:
    """Before nginx is started."""
    with pytest.raises(InvalidArgument, match=said):
        process_harness.nginx(**arguments)


@pytest.mark.parametrize("name", ["http_directives", "main_directives", "clock"])
def test_what_belongs_to_the_nginx_is_no_virtual_servers(name: str) -> None:
    """As with the port."""
    with pytest.raises(InvalidArgument, match=f"VirtualServer has no argument '{name}'"):
        VirtualServer("a.test", **{name: ()})


def _config(*specs: ServerSpec, nginx: str = "1.31.3") -> str:
    layout = Layout(
        listen=["1"] * len(specs), error_log="l", access_log="l", http_recorder="r:1", stream_recorder="r:2"
    )
    return make_bundle(specs, NginxBuild(nginx, "OpenSSL 3.3.7", ""), layout).config


def _spec(**settings: Any) -> ServerSpec:
    outer = {name: settings.pop(name) for name in ("http_directives", "main_directives") if name in settings}
    return ServerSpec(blocks=(ServerBlock(names=("_",), certificate=b"", key=b"", client_ca=b"", **settings),), **outer)


@pytest.mark.parametrize(
    "lines, defined",
    [
        ((), False),
        (("location /x { return 204; }",), False),
        (("location /x { proxy_pass http://recorder/deep; }",), True),
        (("location /x { proxy_pass http://recorder-2; }", "set $who recorder;"), True),
    ],
)
def test_the_recorder_has_a_name_where_the_text_mentions_it(lines: tuple[str, ...], defined: bool) -> None:
    """And no line more where it does not."""
    assert ("upstream recorder {" in _config(_spec(directives=lines))) == defined


def test_a_recorder_of_the_users_own_stays() -> None:
    """nginx would refuse a second of that name."""
    config = _config(_spec(http_directives=("upstream recorder { server 127.0.0.1:9; }",)))

    assert config.count("upstream recorder") == 1


@pytest.mark.parametrize("nginx, line", [("1.18.0", False), ("1.29.6", False), ("1.29.7", True)])
def test_keeping_nothing_is_said_only_to_an_nginx_that_keeps(nginx: str, line: bool) -> None:
    """Before 1.29.7 it would refuse the 0."""
    tls = UpstreamTls(keepalive=0)

    config = _config(_spec(upstream="https://127.0.0.1/deep", upstream_tls=tls), nginx=nginx)

    assert ("keepalive 0;" in config) == line
    assert "server 127.0.0.1:443;" in config
    assert "proxy_pass https://upstream_0/deep;" in config


def test_a_server_with_lines_of_its_own_shares_its_nginx_with_nobody() -> None:
    """They can be anything."""
    assert _spec().may_share_nginx
    for settings in (
        {"http_directives": ("x;",)},
        {"main_directives": ("x;",)},
        {"default_location": False},
        {"upstream": "https://127.0.0.1", "upstream_tls": UpstreamTls()},
    ):
        assert not _spec(**settings).may_share_nginx
