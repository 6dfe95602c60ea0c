"""A back end for phones: its tokens are bound to a client's certificate (RFC 8705) and taken from that client alone."""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import time
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, FastAPI, Header, HTTPException

app = FastAPI()

KEY = secrets.token_bytes(32)
SECONDS = 600


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(payload: str) -> str:
    return encoded(hmac.digest(KEY, payload.encode(), "sha256"))


def thumbprint(x_client_verify: Annotated[str, Header()] = "NONE", x_client_cert: Annotated[str, Header()] = "") -> str:
    """x5t#S256 of RFC 8705 section 3.1: the SHA-256 of the certificate's DER."""
    if x_client_verify != "SUCCESS":
        raise HTTPException(403, f"certificate: {x_client_verify}")
    return encoded(hashlib.sha256(ssl.PEM_cert_to_DER_cert(unquote(x_client_cert))).digest())


Thumbprint = Annotated[str, Depends(thumbprint)]


def subject(bound_to: Thumbprint, authorization: Annotated[str, Header()] = "") -> str:
    """Whose token it is, once it is known to be ours, in time, and this client's."""
    payload, _, signature = authorization.removeprefix("Bearer ").partition(".")
    if not hmac.compare_digest(signed(payload).encode(), signature.encode()):
        raise HTTPException(401, "invalid_token: not ours")
    claims = json.loads(decoded(payload))
    if claims["exp"] < time.time():
        raise HTTPException(401, "invalid_token: expired")
    if not hmac.compare_digest(claims["cnf"]["x5t#S256"], bound_to):
        raise HTTPException(401, "invalid_token: bound to another certificate")
    return claims["sub"]


@app.post("/token")
def token(bound_to: Thumbprint, x_client_dn: Annotated[str, Header()]):
    claims = {"sub": x_client_dn, "exp": time.time() + SECONDS, "cnf": {"x5t#S256": bound_to}}
    payload = encoded(json.dumps(claims).encode())
    return {"access_token": f"{payload}.{signed(payload)}", "token_type": "Bearer", "expires_in": SECONDS}


@app.get("/account")
def account(subject: Annotated[str, Depends(subject)]):
    return {"owner": subject}
