"""The service at the end of the chain, as plain ASGI. It answers with the hop that called and the request's number."""

import json


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    verified = headers.get("x-client-verify") == "SUCCESS"
    seen = {"hop": headers.get("x-client-dn"), "request": headers.get("x-request-id")}
    await send({"type": "http.response.start", "status": 200 if verified else 403, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
