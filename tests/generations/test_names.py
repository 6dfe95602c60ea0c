"""A generation's name can stand wherever an nginx is named."""

from __future__ import annotations

import pytest

from pytest_mtls import CredentialState, Harness, NginxUnavailable
from pytest_mtls.engines.images import image_from_root
from pytest_mtls.generations import GENERATIONS, Root, provide
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import Layout, make_bundle
from pytest_mtls.nginx.spec import Protocol, ServerBlock, ServerSpec, VerifyMode


@pytest.mark.parametrize("name", ["buster", "no-such-image.invalid/nginx:1"])
def test_an_unknown_name_lists_what_there_is(harness: Harness, name: str) -> None:
    """In a container engine it could be an image; where there is none of that name either, the list follows."""
    with pytest.raises(NginxUnavailable, match="bundled, bullseye, bookworm, trixie, forky"):
        harness.nginx(nginx=name)


def test_an_image_has_the_id_that_was_known_before(docker_harness: Harness, generation: str) -> None:
    """So whether it is there can be asked before anything is sent."""
    archive = image_from_root(provide(GENERATIONS[generation]))

    assert docker_harness.engine.image(generation) in (archive.id, archive.tag)  # type: ignore[attr-defined]
    assert docker_harness.engine.client.images.get(archive.tag).id == archive.id  # type: ignore[attr-defined]


def test_an_images_own_stream_module_is_found_and_loaded(docker_harness: Harness, bookworm: Root) -> None:
    """An image that is named as such is asked whether it has one, as those made by nginx_images/Dockerfile have."""
    archive = image_from_root(bookworm)
    docker_harness.engine.image("bookworm")  # type: ignore[attr-defined]

    server = docker_harness.nginx(nginx=archive.tag, protocol="stream")

    assert 'load_module "/usr/lib/nginx/modules/ngx_stream_module.so";' in server.config
    assert server.request(credential=docker_harness.credentials[CredentialState.VALID]).accepted


def test_a_suite_runs_on_each_and_shows_which(
    bookworm: Root, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--mtls-nginx`` repeated. (pytester moves the home folder, so the cache is named.)"""
    monkeypatch.setenv("XDG_CACHE_HOME", str(bookworm.folder.parents[3]))
    pytester.makepyfile("def test_it(mtls_nginx): assert mtls_nginx.request().nginx")

    result = pytester.runpytest_subprocess(
        "-v", "-p", "no:randomly", "--mtls-engine=process", "--mtls-nginx=bookworm", "--mtls-nginx=bundled"
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*::test_it?bookworm? PASSED*", "*::test_it?bundled? PASSED*"])


def _block(verify: VerifyMode = VerifyMode.OFF, client_ca: bytes | None = None) -> ServerBlock:
    return ServerBlock(names=("_",), certificate=b"", key=b"", verify=verify, client_ca=client_ca, trusted_ca=b"ca")


def _build(version: str, arguments: str) -> NginxBuild:
    return NginxBuild(version, "OpenSSL 3.0.0", arguments)


STREAM = "--with-http_ssl_module --with-stream --with-stream_ssl_module"


@pytest.mark.parametrize(
    "build, spec, said",
    [
        (
            _build("1.22.1", "--with-stream=dynamic --with-stream_ssl_module"),
            ServerSpec(blocks=(_block(),), protocol=Protocol.STREAM),
            "no stream module with TLS",
        ),
        (
            _build("1.22.1", STREAM),
            ServerSpec(blocks=(_block(), _block()), protocol=Protocol.STREAM),
            r"since 1\.25\.5",
        ),
        (_build("1.31.3", STREAM), ServerSpec(blocks=(_block(),), http2=True), "without HTTP/2"),
        (_build("1.26.3", STREAM), ServerSpec(blocks=(_block(VerifyMode.ON),)), r"since nginx 1\.27\.2"),
    ],
)
def test_what_an_nginx_cannot_do_is_said_before_it_is_started(build: NginxBuild, spec: ServerSpec, said: str) -> None:
    """In words that name what was asked, never nginx's own about a directive nobody wrote."""
    layout = Layout(listen=["1"], error_log="l", access_log="l", http_recorder="r", stream_recorder="r")

    with pytest.raises(NginxUnavailable, match=said):
        make_bundle([spec], build, layout)


def test_the_stream_module_is_loaded_only_where_it_is_needed(process_harness: Harness, bookworm: Root) -> None:
    """From the cache, whatever its path looks like."""
    assert "load_module" not in process_harness.nginx(nginx="bookworm").config
    assert (
        f'load_module "{bookworm.stream_module}";' in process_harness.nginx(nginx="bookworm", protocol="stream").config
    )
