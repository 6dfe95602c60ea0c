"""An internal service that knows its callers by their certificates, as nginx names them."""

from flask import Flask, abort, request

app = Flask(__name__)


@app.get("/whoami")
def whoami():
    if request.headers.get("X-SSL-Client-Verify") != "SUCCESS":
        abort(403)
    return {"subject": request.headers["X-SSL-Client-S-DN"], "serial": request.headers["X-SSL-Client-Serial"]}
