"""An exporter for a test: real threads and a real database, without a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fhirexport_server.cache.port import NoCache, SharedCache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.exports.exporter import Exporter, open_exporter
from fhirexport_server.store.async_database import open_async_database
from fhirexport_server.store.database import Database
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry

BASE = "http://localhost:8000/fhir"


@asynccontextmanager
async def exporting(
    url: str, shared: SharedCache | None = None, metrics: Metrics | None = None, **limits: float
) -> AsyncIterator[Exporter]:
    """Offers an exporter for a database; `limits` are those of `open_exporter`."""
    options = {
        "max_renderings": 4,
        "rendering_timeout": 60.0,
        "spool_limit_bytes": 64 * 1024 * 1024,
        "cache_bytes": 0,
    } | limits
    renderings = int(options["max_renderings"])
    with Database.open(url) as blocking:
        async with (
            open_async_database(blocking, renderings) as database,
            open_exporter(
                database,
                shared or NoCache(),
                metrics or Metrics(CollectorRegistry()),
                base_url=BASE,
                max_renderings=renderings,
                rendering_timeout=options["rendering_timeout"],
                spool_limit_bytes=int(options["spool_limit_bytes"]),
                cache_bytes=int(options["cache_bytes"]),
                time_to_live=dict.fromkeys(Dataset, 300),
            ) as exporter,
        ):
            yield exporter
