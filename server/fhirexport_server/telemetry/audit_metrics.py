"""The metrics of the audit trail."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from fhirexport_server.telemetry.families import Families

_BUCKETS = (0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class AuditMetrics:
    """The metrics of the audit trail of one server process. Any thread may count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make the metrics in a registry."""
        families = Families(registry)
        self._lines = families.counter(
            "fhirexport_audit_lines_total", "Lines of the audit trail that are on the disk."
        )
        self._seconds = families.histogram(
            "fhirexport_audit_sync_seconds",
            "Seconds that lines of the audit trail, written together, took to be on the disk.",
            _BUCKETS,
        )
        self._failures = families.counter(
            "fhirexport_audit_failures_total", "Attempts to write to the audit trail that failed."
        )
        self._unwritable = families.gauge(
            "fhirexport_audit_unwritable",
            "1 while the audit trail cannot be written, and nothing is served, else 0.",
        )

    def written(self, lines: int, seconds: float) -> None:
        """Count lines that are on the disk."""
        self._lines.inc(lines)
        self._seconds.observe(seconds)

    def failed(self) -> None:
        """Count an attempt to write that failed."""
        self._failures.inc()

    def watch(self, unwritable: Callable[[], bool]) -> None:
        """Register what returns whether nothing can be written; another thread calls it."""
        self._unwritable.set_function(unwritable)
