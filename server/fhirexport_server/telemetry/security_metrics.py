"""The metrics of certificates, of open addresses, of how callers are told, and of keys of the cache."""

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry

from fhirexport_server.telemetry.families import Families

CERTIFICATES: Final = ("certificate", "client_ca", "metrics_ca")
"""What may expire."""


class SecurityMetrics:
    """The metrics of the transport and of the callers of one server process."""

    def __init__(self, registry: CollectorRegistry, sources: Iterable[str], problems: Iterable[str]) -> None:
        """Create every series.

        Args:
            registry: The registry to add them to.
            sources: The names of what callers are looked up in.
            problems: What may be wrong with a credential.
        """
        families = Families(registry)
        self._insecure = families.gauge(
            "fhirexport_insecure",
            "1 while others reach an address without TLS, proof of who they are, or a policy, else 0.",
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
        names = tuple(sources)
        self._sources = families.counters(
            "fhirexport_identities_loads_total",
            "New contents of what callers are looked up in, by how they were taken.",
            ("source", "outcome"),
            [(name, outcome) for name in names for outcome in ("loaded", "refused")],
        )
        self._stale = families.gauges(
            "fhirexport_identities_refused",
            "1 while what callers are looked up in cannot be used or had, and the former one is, else 0.",
            "source",
            names,
        )
        self._credentials = families.counters(
            "fhirexport_credentials_refused_total",
            "Calls whose credential proved nothing, by what was wrong with it.",
            ("problem",),
            [(problem,) for problem in problems],
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

    def source_taken(self, source: str, outcome: str) -> None:
        """Count a new content of a source, `loaded` or `refused`."""
        self._sources[source, outcome].inc()

    def watch_source(self, source: str, refusing: Callable[[], bool]) -> None:
        """Register the function that says whether a source is refused; another thread calls it."""
        self._stale[source].set_function(refusing)

    def credential_refused(self, problem: str) -> None:
        """Count a call whose credential proved nothing."""
        self._credentials[problem,].inc()


class SealingMetrics:
    """The metrics of sealing in one server process; all are 0 without CACHE_KEYS_FILE."""

    def __init__(self, registry: CollectorRegistry) -> None:
        families = Families(registry)
        self._sealed = families.counter(
            "fhirexport_cache_sealed_values_total",
            "Values that were sealed for Redis; one key may seal 2**32.",
        )
        self._loads = families.counters(
            "fhirexport_cache_keys_loads_total",
            "New contents of CACHE_KEYS_FILE, by how they were taken.",
            ("outcome",),
            (("loaded",), ("refused",)),
        )
        self._refused = families.gauge(
            "fhirexport_cache_keys_refused",
            "1 while CACHE_KEYS_FILE cannot be used, and the keys that it had are, else 0.",
        )

    def sealed(self) -> None:
        """Count a value that was sealed. Threads may call it."""
        self._sealed.inc()

    def taken(self, outcome: str) -> None:
        """Count a new content of the file, `loaded` or `refused`."""
        self._loads[outcome,].inc()

    def watch_refusals(self, refusing: Callable[[], bool]) -> None:
        """Register the function that says whether the file is refused; another thread calls it."""
        self._refused.set_function(refusing)
