"""The metrics of all workers, on the page that a server by itself serves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from fhirexport_server.access_settings import OFF
from fhirexport_server.certificates.kept_pair import KeptPair
from fhirexport_server.certificates.tls_context import MetricsContext
from fhirexport_server.runtime.tasks import cancelled
from fhirexport_server.settings import Settings
from fhirexport_server.telemetry.metrics_page import metrics_page
from fhirexport_server.workers.combined_metrics import as_metrics
from fhirexport_server.workers.staff import Staff

_LONGEST_SECONDS = 30.0
"""How long a reader waits at most, where the parent itself is held up."""


class _AllWorkers(Collector):
    """Asks the workers, on the parent's event loop; a thread of the page waits for it."""

    def __init__(self, staff: Staff, loop: asyncio.AbstractEventLoop) -> None:
        self._staff = staff
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        families = asyncio.run_coroutine_threadsafe(self._staff.measure(), self._loop).result(
            _LONGEST_SECONDS
        )
        return as_metrics(families)


@asynccontextmanager
async def shared_page(settings: Settings, staff: Staff) -> AsyncIterator[str | None]:
    """Serve the metrics of all processes; yield the address, None where none are served.

    Raises:
        MetricsAddressError: The address cannot be listened on.
        CertificateError: A certificate cannot be used.
    """
    if settings.metrics_address == OFF:
        yield None
        return
    everything = CollectorRegistry()
    everything.register(_AllWorkers(staff, asyncio.get_running_loop()))
    async with AsyncExitStack() as stack:
        context = None
        if settings.metrics_client_ca is not None:
            certificates = KeptPair(settings.certificate_files, lambda _: None)
            context = MetricsContext(certificates)
            following = asyncio.create_task(certificates.run(), name="certificates")
            stack.push_async_callback(cancelled, following)
        yield stack.enter_context(metrics_page(everything, settings.metrics_address, context))
