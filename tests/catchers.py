"""Servers on loopback that take what an alert sends: a web address and a mail server, both of which can be broken.

Belongs here: receiving and remembering. Does not belong here: what should have been received.
"""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Caught:
    """What a server received; while `is_broken` it refuses."""

    def __init__(self) -> None:
        self.port = 0
        self.is_broken = False
        self.bodies: list[Any] = []

    def taken(self) -> list[Any]:
        """What came since the last call."""
        found, self.bodies = self.bodies, []
        return found


@contextmanager
def web() -> Iterator[Caught]:
    """A web address that takes JSON."""
    caught = Caught()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not caught.is_broken:
                caught.bodies.append(body)
            self.send_response(503 if caught.is_broken else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is not a log."""

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), caught):
        yield caught


@contextmanager
def mail() -> Iterator[Caught]:
    """A mail server that speaks as much SMTP as a message without encryption needs."""
    caught = Caught()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 catcher")
            for raw in iter(self.rfile.readline, b""):
                word = raw.decode().strip().upper()[:4]
                if word == "DATA":
                    self._say("354 go on")
                    caught.bodies.append("".join(line.decode() for line in iter(self.rfile.readline, b".\r\n")))
                self._say("451 not now" if caught.is_broken and word == "MAIL" else "250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), caught):
        yield caught


@contextmanager
def _serving(server: socketserver.BaseServer, caught: Caught) -> Iterator[None]:
    caught.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
