"""The metrics of certificates, and of what is open to others."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry

from fhirexport_server.telemetry.families import Families

CERTIFICATES: Final = ("certificate", "client_ca", "metrics_ca")
"""What may expire."""


class SecurityMetrics:
    """The metrics of the transport of one server process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        families = Families(registry)
        self._insecure = families.gauge(
            "fhirexport_insecure",
            "1 while others can reach an address that asks for neither TLS nor a certificate, else 0.",
        )
        self._seconds = families.gauges(
            "fhirexport_certificate_remaining_seconds",
            "Seconds until the certificate in use, or the last authority, expires; +Inf without one.",
            "file",
            CERTIFICATES,
        )
        for gauge in self._seconds.values():
            gauge.set(float("inf"))
        self._loads = families.counters(
            "fhirexport_certificate_loads_total",
            "New contents of the certificates' files, by how they were taken.",
            ("outcome",),
            (("loaded",), ("refused",)),
        )
        self._refused = families.gauge(
            "fhirexport_certificate_refused", "1 while the files hold what cannot be used, else 0."
        )

    def insecure(self, *, exposed: bool) -> None:
        """Say whether others can reach an address without TLS and authentication."""
        self._insecure.set(exposed)

    def watch(self, name: str, seconds_left: Callable[[], float]) -> None:
        """Register what returns the seconds left of one of CERTIFICATES; another thread calls it."""
        self._seconds[name].set_function(seconds_left)

    def watch_refusals(self, refusing: Callable[[], bool]) -> None:
        """Register the function that says whether the files are refused; another thread calls it."""
        self._refused.set_function(refusing)

    def taken(self, outcome: str) -> None:
        """Count a new content of the files, `loaded` or `refused`."""
        self._loads[outcome,].inc()
