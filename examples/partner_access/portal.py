"""What each partner may see is its own orders; which partner it is, nginx says by the server that let it in."""

from flask import Flask, abort, request

app = Flask("portal")

ORDERS = {"acme": ["anvil", "rocket"], "globex": ["umbrella"]}


@app.get("/orders")
def orders():
    if request.headers.get("X-Client-Verify") != "SUCCESS":
        abort(403)
    partner = request.headers.get("X-Partner")
    return {"partner": partner, "orders": ORDERS[partner], "asked_by": request.headers.get("X-Client-DN")}
