def test_with_requests_and_httpx(mtls_nginx, mtls_ca):
    alice = mtls_ca.issue_client("alice")
    with mtls_nginx.requests_session(credential=alice) as session:
        assert session.get(mtls_nginx.url).status_code == 200
    with mtls_nginx.httpx_client(credential=alice) as client:
        assert client.get("/").status_code == 200

async def test_with_httpx_async(mtls_nginx, mtls_ca):      # under pytest-asyncio or anyio
    async with mtls_nginx.httpx_async_client(credential=mtls_ca.issue_client("alice")) as client:
        assert (await client.get("/")).status_code == 200
