"""What seals values in Redis: the keys of CACHE_KEYS_FILE, which are read again while the server runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fhirexport_server.cache.redis.packing.sealing import Clear, Sealed, Sealing
from fhirexport_server.runtime.tasks import cancelled
from fhirexport_server.sealing.keys_file import open_keys_file
from fhirexport_server.telemetry.security_metrics import SealingMetrics


@asynccontextmanager
async def open_cache_sealing(keys_file: Path | None, metrics: SealingMetrics) -> AsyncIterator[Sealing]:
    """Offer what seals values.

    Args:
        keys_file: The file of the keys; None to leave values clear.
        metrics: The metrics that count what is sealed, and new keys.

    Raises:
        KeptFileError: The file cannot be used.
    """
    if keys_file is None:
        yield Clear()
        return
    keys = open_keys_file(keys_file, metrics.taken)
    metrics.watch_refusals(lambda: keys.refusing)
    running = asyncio.create_task(keys.run(), name="cache-keys")
    try:
        yield Sealed(lambda: keys.current, metrics.sealed)
    finally:
        await cancelled(running)
