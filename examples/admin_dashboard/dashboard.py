"""Charts for the staff, settings for administrators. nginx decides who is let in; here is written down who it was."""

from flask import Flask, request

app = Flask("dashboard")


def visitor():
    return {"user": request.headers.get("X-User"), "admin": request.headers.get("X-Client-DN")}


@app.get("/")
def home():
    return visitor()


@app.get("/charts/<name>")
def chart(name):
    return visitor() | {"chart": name}


@app.route("/admin/<path:setting>", methods=["GET", "POST"])
def setting(setting):
    return visitor() | {"setting": setting}
