"""The metrics of the processes of a server."""

from enum import StrEnum

from prometheus_client import CollectorRegistry

from fhirexport_server.telemetry.families import Families


class Restart(StrEnum):
    """Why a worker was replaced."""

    DIED = "died"
    ROLLED = "rolled"


class WorkerMetrics:
    """How many processes there are and should be, and how often one was replaced."""

    def __init__(self, registry: CollectorRegistry, wanted: int) -> None:
        families = Families(registry)
        families.gauge(
            "fhirexport_workers_wanted", "Processes that serve, as many as there should be: WORKERS."
        ).set(wanted)
        self._answering = families.gauge(
            "fhirexport_workers", "Processes that serve, and answer their parent."
        )
        self._answering.set(wanted)
        self._restarts = families.counters(
            "fhirexport_worker_restarts_total",
            "Processes that were replaced, by reason.",
            ("reason",),
            ((reason.value,) for reason in Restart),
        )

    def answering(self, count: int) -> None:
        """Set how many processes answer."""
        self._answering.set(count)

    def restarted(self, reason: Restart) -> None:
        """Count a process that was replaced."""
        self._restarts[reason.value,].inc()
