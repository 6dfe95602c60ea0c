"""An internal service that knows its callers by their certificates, as nginx names them."""

from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException


@asynccontextmanager
async def lifespan(app):
    app.state.admins = {"CN=root"}
    yield


def client(
    x_ssl_client_verify: Annotated[str, Header()] = "NONE", x_ssl_client_s_dn: Annotated[str, Header()] = ""
) -> str:
    """The subject of the client's certificate, which nginx has verified."""
    if x_ssl_client_verify != "SUCCESS":
        raise HTTPException(403, f"certificate: {x_ssl_client_verify}")
    return x_ssl_client_s_dn


app = FastAPI(lifespan=lifespan)


@app.get("/whoami")
async def whoami(subject: Annotated[str, Depends(client)]):
    return {"subject": subject, "admin": subject in app.state.admins}
