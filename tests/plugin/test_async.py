"""``httpx_async_client`` under the plugins that run coroutines."""

from __future__ import annotations

import pytest

from tests.plugin.suite import Suite

ASYNCIO = "asyncio_default_fixture_loop_scope = function"


@pytest.mark.parametrize(
    "plugin, settings, mark",
    [
        ("asyncio", ["asyncio_mode = auto", ASYNCIO], ""),
        ("asyncio", ["asyncio_mode = strict", ASYNCIO], "@pytest.mark.asyncio"),
        ("anyio", [], "@pytest.mark.anyio"),
    ],
    ids=["asyncio-auto", "asyncio-strict", "anyio"],
)
def test_coroutines_reach_nginx(suite: Suite, plugin: str, settings: list[str], mark: str) -> None:
    """A client with a certificate and one without, side by side in one loop, in every mode the marker asks for."""
    suite.settings(*settings, using=[plugin])

    result = suite.run(f"""
        import asyncio, pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        {mark}
        @pytest.mark.mtls(http2=[False, True])
        async def test_it(mtls_nginx, mtls_ca):
            async with (
                mtls_nginx.httpx_async_client(credential=mtls_ca.issue_client("alice")) as alice,
                mtls_nginx.httpx_async_client() as nobody,
            ):
                answers = await asyncio.gather(alice.get("/"), nobody.get("/"), alice.get("/again"))
            assert [answer.status_code for answer in answers] == [200, 400, 200]
            version = "HTTP/2" if mtls_nginx.spec.http2 else "HTTP/1.1"
            assert {{answer.http_version for answer in answers}} == {{version}}
    """)

    result.assert_outcomes(passed=2)
