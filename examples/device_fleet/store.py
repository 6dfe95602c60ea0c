"""A key-value store over TCP: PING, SET key value, GET key, each answered with one line."""

import socketserver
import threading


class Store(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, address):
        super().__init__(address, Session)
        self.values = {}
        self.received = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __exit__(self, *exception):
        self.shutdown()
        super().__exit__(*exception)


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.server.received.append(line)
            self.wfile.write(self.answer(*line.decode().split()) + b"\r\n")

    def answer(self, command="", *words):
        match command.upper(), words:
            case "PING", ():
                return b"+PONG"
            case "SET", (key, value):
                self.server.values[key] = value
                return b"+OK"
            case "GET", (key,):
                return b"+" + self.server.values[key].encode() if key in self.server.values else b"$-1"
        return b"-ERR unknown command"
