"""An HTTPS server that answers as a test wants, or does not."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.certificates import Site


@dataclass
class Web:
    """What it answers, and what it was asked."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    """While it is not set, nothing is answered. It is, unless a test clears it."""
    url: str = ""

    def __post_init__(self) -> None:
        self.held.set()


@contextmanager
def serving(site: Site) -> Iterator[Web]:
    """Runs a server with the certificate of a site."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(self.path)
            web.held.wait(60)
            self.send_response(web.status)
            for name, value in web.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(web.content)

        def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - the library's name
            """Says nothing."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(site.certificate, site.key)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing: who does not trust the certificate hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # The handshake is for the thread of the request: one that fails leaves a socket that nobody closes.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    web.url = f"https://localhost:{server.server_port}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.held.set()
        server.shutdown()
        server.server_close()
        thread.join()
