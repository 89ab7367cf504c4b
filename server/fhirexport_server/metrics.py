"""Owns every metric: its name, its labels and what it means. `docs/metrics.md` lists them."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fhirexport_server.domain.datasets import Dataset

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 900.0)

ANSWERS = ("hit", "not_modified", "miss", "stale", "collapsed", "bypass", "error")
"""How an export is answered: from the cache, by its etag, from the database (because nothing was kept, or
only another state), by a rendering that was under way, from the database because the caller wanted it, or
not at all."""
_OPERATIONS = {
    "get": ("hit", "miss", "stale", "expired", "foreign", "corrupt", "unavailable"),
    "set": ("stored", "superseded", "incomplete", "too_large", "unavailable"),
    "delete": ("deleted", "nothing", "unavailable"),
}
_CLAIMS = ("own", "there", "waited", "given_up", "unavailable")
_STATES = ("available", "read_only", "unavailable", "disabled")


class Metrics:
    """The metrics of one server process. Every series is there from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._exports = Histogram(
            "fhir_export_duration_seconds",
            "How long exports took, from the request to the last chunk read.",
            ("type", "cache"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._operations = Counter(
            "cache_operations_total",
            "What Redis was asked for, and what came of it.",
            ("operation", "outcome"),
            registry=registry,
        )
        self._claims = Counter(
            "fhirexport_cache_claims_total",
            "How processes agreed on who makes a rendering.",
            ("outcome",),
            registry=registry,
        )
        self._state = Gauge(
            "fhirexport_cache_state", "1 for the state that Redis is in.", ("state",), registry=registry
        )
        hit_rate = Gauge(
            "cache_hit_rate",
            "Of the exports that asked for it, how many the cache answered, in percent.",
            registry=registry,
        )
        hit_rate.set_function(self.hit_rate)
        self._hits = dict.fromkeys(Dataset, 0)
        self._misses = dict.fromkeys(Dataset, 0)
        self._stale = dict.fromkeys(Dataset, 0)
        for dataset in Dataset:
            _there(self._exports, ((dataset.value, answer) for answer in ANSWERS))
        for operation, outcomes in _OPERATIONS.items():
            _there(self._operations, ((operation, outcome) for outcome in outcomes))
        _there(self._claims, ((outcome,) for outcome in _CLAIMS))
        _there(self._state, ((state,) for state in _STATES))

    def exported(self, dataset: Dataset, answer: str, seconds: float) -> None:
        """Counts an export; `answer` is one of ANSWERS."""
        self._exports.labels(dataset.value, answer).observe(seconds)
        if answer in {"hit", "not_modified"}:
            self._hits[dataset] += 1
        elif answer in {"miss", "stale", "collapsed"}:
            self._misses[dataset] += 1
            self._stale[dataset] += answer == "stale"

    def cache_operation(self, operation: str, outcome: str, *, count: int = 1) -> None:
        """Counts what was asked of Redis."""
        self._operations.labels(operation, outcome).inc(count)

    def claimed(self, outcome: str) -> None:
        """Counts how the right to make a rendering was had, or not."""
        self._claims.labels(outcome).inc()

    def cache_state(self, state: str) -> None:
        """Says which state Redis is in."""
        for known in _STATES:
            self._state.labels(known).set(known == state)

    def answered(self, dataset: Dataset) -> tuple[int, int, int]:
        """Returns how many exports the cache answered and did not, and how often it held another state."""
        return self._hits[dataset], self._misses[dataset], self._stale[dataset]

    def hit_rate(self) -> float:
        """Returns the hits among the exports that could have been hits, in percent; 0 before the first."""
        hits, misses = sum(self._hits.values()), sum(self._misses.values())
        return 100.0 * hits / (hits + misses) if hits + misses else 0.0


def _there(metric: Counter | Gauge | Histogram, series: Iterable[tuple[str, ...]]) -> None:
    """Makes series that have not counted yet, so that a rate is never missing."""
    for labels in series:
        metric.labels(*labels)
