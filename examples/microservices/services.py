"""Two services. Neither knows of TLS; billing keeps account of who called."""

from flask import Flask, request

orders = Flask("orders")
billing = Flask("billing")


@orders.get("/orders/<int:number>")
def order(number):
    return {"order": number, "caller": request.headers.get("X-Client-DN")}


@billing.get("/invoices/<int:number>")
def invoice(number):
    return {"invoice": number, "caller": request.headers.get("X-Client-DN")}
