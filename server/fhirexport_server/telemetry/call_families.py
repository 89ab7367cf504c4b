"""The metrics of gRPC calls, and of the limits that calls share."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class CallSeries(NamedTuple):
    """The series of one method."""

    started: Counter
    received: Counter
    sent: Counter
    sent_bytes: Counter
    seconds: Histogram
    handled: Mapping[str, Counter]
    """By the name of the status code."""


class CallFamilies:
    """The metrics of calls, with the names and labels of go-grpc-middleware, which dashboards know."""

    def __init__(
        self,
        registry: CollectorRegistry,
        methods: Iterable[tuple[str, str, str]],
        codes: Iterable[str],
        reasons: Iterable[str],
    ) -> None:
        """Create every series.

        Args:
            registry: The registry to add them to.
            methods: The type, service and name of each method.
            codes: The names of the status codes.
            reasons: The reasons of errors.
        """
        labels = ("grpc_type", "grpc_service", "grpc_method")

        def counter(name: str, text: str, *more: str) -> Counter:
            return Counter(name, text, (*labels, *more), registry=registry)

        started = counter("grpc_server_started_total", "Calls that began.")
        handled = counter("grpc_server_handled_total", "Calls that ended, by status code.", "grpc_code")
        received = counter("grpc_server_msg_received_total", "Messages received from callers.")
        sent = counter("grpc_server_msg_sent_total", "Messages sent to callers.")
        sent_bytes = counter("fhirexport_sent_bytes_total", "Bytes of the messages sent to callers.")
        seconds = Histogram(
            "grpc_server_handling_seconds",
            "Duration of calls, from the first byte of the request to the last of the response.",
            labels,
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        refusals = Counter(
            "fhirexport_refusals_total",
            "Calls that ended with an error, by the reason of its ErrorInfo.",
            ("reason",),
            registry=registry,
        )
        code_names = tuple(codes)
        self.methods: Mapping[tuple[str, str], CallSeries] = {
            (service, method): CallSeries(
                started=started.labels(kind, service, method),
                received=received.labels(kind, service, method),
                sent=sent.labels(kind, service, method),
                sent_bytes=sent_bytes.labels(kind, service, method),
                seconds=seconds.labels(kind, service, method),
                handled={code: handled.labels(kind, service, method, code) for code in code_names},
            )
            for kind, service, method in methods
        }
        self.refusals: Mapping[str, Counter] = {reason: refusals.labels(reason) for reason in reasons}


class GateFamilies:
    """The metrics of the limits that calls share. Their values are read with the page."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        calls: Mapping[str, Callable[[], float]],
        bytes_in_flight: Mapping[str, Callable[[], float]],
        messages_waiting: Callable[[], float],
    ) -> None:
        """Create every series.

        Args:
            registry: The registry to add them to.
            calls: Functions that return the number of calls, by the kind of place.
            bytes_in_flight: Functions that return the size of messages in flight, by direction.
            messages_waiting: A function that returns how many messages wait for their turn to be received.
        """
        for name, text, label, series in (
            (
                "fhirexport_calls_in_progress",
                "Calls in progress, by the kind of place that they take.",
                "places",
                calls,
            ),
            (
                "fhirexport_bytes_in_flight",
                "Memory reserved for messages that callers are still receiving (out) or sending (in).",
                "direction",
                bytes_in_flight,
            ),
        ):
            family = Gauge(name, text, (label,), registry=registry)
            for value, read in series.items():
                family.labels(value).set_function(read)
        Gauge(
            "fhirexport_messages_waiting",
            "Imports that wait for their turn to send the next message.",
            registry=registry,
        ).set_function(messages_waiting)
        self.dropped = Counter(
            "fhirexport_calls_dropped_total",
            "Calls cut off because the caller did not read the response.",
            registry=registry,
        )
        self.left = Counter(
            "fhirexport_calls_left_total",
            "Calls that callers gave up at once, before the request had come: counted here alone.",
            registry=registry,
        )
