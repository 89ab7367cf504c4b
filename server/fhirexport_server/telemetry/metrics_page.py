"""The page that Prometheus reads: `GET /metrics` over HTTP or HTTPS, in a thread of its own."""

import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from fhirexport_server.telemetry.logs import where

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

PATH = "/metrics"
_END_SECONDS = 0.1
"""How often the server checks for its end. Responses under way may take longer."""


class MetricsAddressError(Exception):
    """The address cannot be listened on: it is taken, not this machine's, or not permitted."""


@contextmanager
def metrics_page(
    registry: CollectorRegistry, address: str, context: Callable[[], ssl.SSLContext] | None = None
) -> Iterator[str]:
    """Serve the metrics until the end of the context; yield the address, with the port it got.

    Args:
        registry: The metrics to serve.
        address: `host:port` or `[ipv6]:port`; port 0 takes a free one.
        context: Returns the TLS of the next connection; None: plain HTTP.

    Raises:
        MetricsAddressError: The address cannot be listened on.
    """
    host, _, port = address.rpartition(":")
    try:
        server = _Server(_WithoutCreated(registry), host.strip("[]"), int(port), context)
    except OSError as error:
        raise MetricsAddressError(address) from error
    with server:
        thread = Thread(target=server.serve_forever, args=(_END_SECONDS,), name="metrics", daemon=True)
        thread.start()
        try:
            yield f"{host}:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


class _WithoutCreated(Collector):
    """Leaves out the `_created` samples: a second series for each, which nobody reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    allow_reuse_address = True  # a server that has just ended must not keep its successor from starting

    def __init__(
        self, metrics: Collector, host: str, port: int, context: Callable[[], ssl.SSLContext] | None
    ) -> None:
        self.metrics = metrics
        self._context = context
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        super().__init__((host, port), _Handler)

    def finish_request(
        self,
        request: "socket.socket | tuple[bytes, socket.socket]",
        client_address: Any,  # noqa: ANN401 - an address of any family
    ) -> None:
        """Respond, after shaking hands: in the thread of this connection, and within its time."""
        if self._context is None or not isinstance(request, socket.socket):
            super().finish_request(request, client_address)
            return
        request.settimeout(_Handler.timeout)
        with self._context().wrap_socket(request, server_side=True) as encrypted:
            super().finish_request(encrypted, client_address)

    def handle_error(self, *_: object) -> None:
        """Log an error, unless the reader went away."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError | ssl.SSLError):
            _log.error("metrics_page_failing", where=where(error))


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """Respond with the metrics, in the format that the reader prefers."""
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"There is only {PATH}.")
            return
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        page = encode(self.server.metrics)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def version_string(self) -> str:
        """Return a name without versions."""
        return "fhirexport"

    def log_message(self, *_: object) -> None:
        """Log nothing: a line every few seconds is of no use."""
