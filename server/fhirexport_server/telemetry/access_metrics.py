"""The metrics of rights: what was refused, and the file that says what is not."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry

from fhirexport_server.telemetry.families import Families


class AccessMetrics:
    """The metrics of the policy of one server process."""

    def __init__(self, registry: CollectorRegistry, actions: Iterable[str]) -> None:
        """Make the metrics.

        Args:
            registry: Where they are registered.
            actions: The actions that there are rights to.
        """
        families = Families(registry)
        self._denied = families.counters(
            "fhirexport_access_denied_total",
            "What callers had no right to, by the action that it would have been.",
            ("action",),
            ((_label(action),) for action in actions),
        )
        self._loads = families.counters(
            "fhirexport_policy_loads_total",
            "New contents of the policy's file, by how they were taken.",
            ("outcome",),
            (("loaded",), ("refused",)),
        )
        self._refused = families.gauge(
            "fhirexport_policy_refused", "1 while the policy's file holds what cannot be used, else 0."
        )

    def denied(self, action: str) -> None:
        """Count something that a caller had no right to."""
        self._denied[_label(action),].inc()

    def taken(self, outcome: str) -> None:
        """Count a new content of the file, `loaded` or `refused`."""
        self._loads[outcome,].inc()

    def watch_refusals(self, refusing: Callable[[], bool]) -> None:
        """Register the function that says whether the file is refused; another thread calls it."""
        self._refused.set_function(refusing)


def _label(action: str) -> str:
    """Return an action as one word: `cache:read` is `cache_read`."""
    return action.replace(":", "_")
