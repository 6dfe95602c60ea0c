"""An internal service that grants by name what its callers may do; who they are is nginx's to say."""

from flask import Flask, abort, request

app = Flask("payroll")

ROLES = {"CN=accounting": {"read", "report"}, "CN=portal": {"read"}}


def demand(right):
    """Go on only for a caller that nginx has verified and that may do this."""
    if request.headers.get("X-Client-Verify") != "SUCCESS":
        abort(403)
    if right not in ROLES.get(request.headers.get("X-Client-DN"), ()):
        abort(403)


@app.get("/salaries/<int:number>")
def salary(number):
    demand("read")
    return {"employee": number, "asked_by": request.headers["X-Client-DN"]}


@app.get("/reports/<month>")
def report(month):
    demand("report")
    return {"month": month, "asked_by": request.headers["X-Client-DN"]}
