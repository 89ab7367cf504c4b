"""Owns the metrics of calls, by the names and labels of go-grpc-middleware, which dashboards know."""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import CollectorRegistry, Counter, Histogram

from fhirexport_server.rpc.call import Call, Kind

_LABELS = ("grpc_type", "grpc_service", "grpc_method")
# The names that gRPC's own specification gives codes, where they are not the enum's in capitals.
_CODES = {grpc.StatusCode.OK: "OK", grpc.StatusCode.CANCELLED: "Canceled"}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class CallMetrics:
    """Counts and times the calls of some services.

    Every series of every method is there from the start, so that a rate is never missing. Only names from
    the descriptors become labels.
    """

    def __init__(self, registry: CollectorRegistry, services: Iterable[ServiceDescriptor]) -> None:
        def counter(name: str, text: str, *more: str) -> Counter:
            return Counter(name, text, (*_LABELS, *more), registry=registry)

        self._started = counter("grpc_server_started_total", "Calls that were begun.")
        self._handled = counter("grpc_server_handled_total", "Calls that ended, by code.", "grpc_code")
        self._received = counter("grpc_server_msg_received_total", "Messages that callers sent.")
        self._sent = counter("grpc_server_msg_sent_total", "Messages that callers were sent.")
        self._seconds = Histogram(
            "grpc_server_handling_seconds",
            "How long calls took, from the first byte of the request to the status.",
            _LABELS,
            buckets=_SECONDS,
            registry=registry,
        )
        for service in services:
            for method in service.methods:
                kind: Kind = "unary"
                if method.server_streaming or method.client_streaming:
                    kind = "server_stream" if method.server_streaming else "client_stream"
                labels = (kind, service.full_name, method.name)
                for metric in (self._started, self._received, self._sent, self._seconds):
                    metric.labels(*labels)
                self._handled.labels(*labels, _CODES[grpc.StatusCode.OK])

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[None]:
        """Counts and times one call: the instance is a layer of the chain."""
        labels = (call.kind, call.service, call.method)
        self._started.labels(*labels).inc()
        begun = time.monotonic()
        try:
            yield
        finally:
            self._seconds.labels(*labels).observe(time.monotonic() - begun)
            self._handled.labels(*labels, _code_name(call.code)).inc()
            self._received.labels(*labels).inc(call.received)
            self._sent.labels(*labels).inc(call.sent)


def _code_name(code: grpc.StatusCode) -> str:
    return _CODES.get(code) or code.name.title().replace("_", "")
