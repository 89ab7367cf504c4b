"""The metrics of gRPC calls, and of what all calls share."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class CallSeries(NamedTuple):
    """What is counted of one method."""

    started: Counter
    received: Counter
    sent: Counter
    sent_bytes: Counter
    seconds: Histogram
    handled: Mapping[str, Counter]
    """By the name of the code."""


class CallFamilies:
    """The metrics of calls, by the names and labels of go-grpc-middleware, which dashboards know."""

    def __init__(
        self,
        registry: CollectorRegistry,
        methods: Iterable[tuple[str, str, str]],
        codes: Iterable[str],
        reasons: Iterable[str],
    ) -> None:
        """Makes every series there will be.

        Args:
            registry: where they are registered.
            methods: the type, service and name of each method.
            codes: what calls may end with.
            reasons: what calls may be refused for.
        """
        labels = ("grpc_type", "grpc_service", "grpc_method")

        def counter(name: str, text: str, *more: str) -> Counter:
            return Counter(name, text, (*labels, *more), registry=registry)

        started = counter("grpc_server_started_total", "Calls that were begun.")
        handled = counter("grpc_server_handled_total", "Calls that ended, by code.", "grpc_code")
        received = counter("grpc_server_msg_received_total", "Messages that callers sent.")
        sent = counter("grpc_server_msg_sent_total", "Messages that callers were sent.")
        sent_bytes = counter("fhirexport_sent_bytes_total", "Bytes of the messages that callers were sent.")
        seconds = Histogram(
            "grpc_server_handling_seconds",
            "How long calls took, from the first byte of the request to the last of the answer.",
            labels,
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        refusals = Counter(
            "fhirexport_refusals_total",
            "Calls that ended with an error, by its reason.",
            ("reason",),
            registry=registry,
        )
        known = tuple(codes)
        self.methods: Mapping[tuple[str, str], CallSeries] = {
            (service, method): CallSeries(
                started=started.labels(kind, service, method),
                received=received.labels(kind, service, method),
                sent=sent.labels(kind, service, method),
                sent_bytes=sent_bytes.labels(kind, service, method),
                seconds=seconds.labels(kind, service, method),
                handled={code: handled.labels(kind, service, method, code) for code in known},
            )
            for kind, service, method in methods
        }
        self.refusals: Mapping[str, Counter] = {reason: refusals.labels(reason) for reason in reasons}


class GateFamilies:
    """The metrics of what all calls share, read when the page is."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        calls: Mapping[str, Callable[[], float]],
        bytes_in_flight: Mapping[str, Callable[[], float]],
    ) -> None:
        """Makes every series there will be.

        Args:
            registry: where they are registered.
            calls: how many calls there are, by the kind of places they have.
            bytes_in_flight: how much room messages take, by their direction.
        """
        for name, text, label, series in (
            ("fhirexport_calls_in_progress", "Calls that have a place.", "places", calls),
            (
                "fhirexport_bytes_in_flight",
                "What messages that callers have yet to take, or to send whole, may take in memory.",
                "direction",
                bytes_in_flight,
            ),
        ):
            family = Gauge(name, text, (label,), registry=registry)
            for value, read in series.items():
                family.labels(value).set_function(read)
        self.dropped = Counter(
            "fhirexport_calls_dropped_total",
            "Calls cut off because nobody took their answer.",
            registry=registry,
        )
