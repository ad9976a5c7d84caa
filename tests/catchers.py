"""Servers on loopback that take what an alert sends: a web address and a mail server, both of which can be broken.

Belongs here: receiving and remembering. Does not belong here: what should have been received.
"""

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Caught:
    """What a server received; while `is_broken` it refuses, with `moved` it redirects to itself.

    Attributes:
        logins: user and password of each login, in the order in which they came.
    """

    def __init__(self) -> None:
        self.port = 0
        self.is_broken = self.moved = False
        self.bodies: list[Any] = []
        self.logins: list[tuple[str, str]] = []

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
            if not (caught.is_broken or caught.moved):
                caught.bodies.append(body)
            self.send_response(503 if caught.is_broken else 302 if caught.moved else 200)
            self.send_header("Location", self.path)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is not a log."""

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), caught):
        yield caught


@contextmanager
def mail(tls: ssl.SSLContext | None = None, *, is_implicit: bool = False) -> Iterator[Caught]:
    """A mail server that speaks as much SMTP as our messages need.

    Args:
        tls: offer encryption by STARTTLS, and a login once it is on.
        is_implicit: speak nothing but encrypted, from the first byte.
    """
    server = _MailServer(("127.0.0.1", 0), _Mailbox)
    server.caught, server.tls, server.is_implicit = Caught(), tls, is_implicit
    with _serving(server, server.caught):
        yield server.caught


class _MailServer(socketserver.ThreadingTCPServer):
    caught: Caught
    tls: ssl.SSLContext | None
    is_implicit: bool

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that breaks a handshake off is what some tests are about."""


class _Mailbox(socketserver.StreamRequestHandler):
    server: _MailServer

    def handle(self) -> None:
        if self.server.is_implicit:
            self._encrypt()
        self._say("220 catcher")
        while raw := self.rfile.readline():
            word, _, rest = raw.decode().strip().partition(" ")
            self._answer(word.upper(), rest)

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _answer(self, word: str, rest: str) -> None:
        caught, is_encrypted = self.server.caught, isinstance(self.request, ssl.SSLSocket)
        if word == "EHLO" and self.server.tls is not None:
            self._say(f"250-catcher\r\n250 {'AUTH PLAIN' if is_encrypted else 'STARTTLS'}")
        elif word == "STARTTLS":
            self._say("220 go on")
            self._encrypt()
        elif word == "AUTH":
            _, user, password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")
            caught.logins.append((user, password))
            self._say("235 ok")
        elif word == "DATA":
            self._say("354 go on")
            caught.bodies.append("".join(line.decode() for line in iter(self.rfile.readline, b".\r\n")))
            self._say("250 ok")
        else:
            self._say("451 not now" if caught.is_broken and word == "MAIL" else "250 ok")

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.request = self.server.tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.request.do_handshake()

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for this machine, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context


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
