"""The parent of several workers: starts them, restarts those that die, and passes on what it is told."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import structlog
from fhirexport._version import __version__

from fhirexport_server.runtime import systemd
from fhirexport_server.runtime.tasks import cancelled, together
from fhirexport_server.settings import Settings
from fhirexport_server.telemetry import logs
from fhirexport_server.workers.control import MessageKind
from fhirexport_server.workers.shared_page import shared_page
from fhirexport_server.workers.shared_port import shared_port
from fhirexport_server.workers.staff import Staff

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def supervise(settings: Settings) -> None:
    """Run a server of several workers until SIGTERM or SIGINT, then drain them. A second signal ends them.

    On SIGHUP, replace the workers one by one: new interpreters, which read the settings anew.

    Raises:
        ListenError, MetricsAddressError: An address cannot be listened on.
        CertificateError: A certificate cannot be used.
        WorkersFailingError: The workers cannot be started, or die again and again.
    """
    told = _Told()
    _log.info("starting", version=__version__, **settings.public())
    async with AsyncExitStack() as stack:
        address = stack.enter_context(shared_port(settings.listen_address))
        staff = Staff(settings.workers, address, settings.drain_grace)
        stack.push_async_callback(staff.end, MessageKind.END, 0.0)
        page = await stack.enter_async_context(shared_page(settings, staff))
        announce = partial(_announce, settings, address, page)
        working = asyncio.create_task(_work(staff, told.reload, announce), name="workers")
        stopping = asyncio.create_task(told.stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        systemd.notify("STOPPING=1")
        await cancelled(stopping)
        working.cancel()
        await asyncio.wait({working})
        _log.info("draining", delay=settings.drain_delay, grace=settings.drain_grace)
        draining = asyncio.create_task(
            staff.end(MessageKind.DRAIN, settings.drain_delay + settings.drain_grace)
        )
        hurried = asyncio.create_task(told.hurry.wait())
        await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
        await cancelled(hurried)
        await cancelled(draining)
        if not working.cancelled():
            working.result()
    _log.info("stopped")


class _Told:
    """What signals have told this process."""

    def __init__(self) -> None:
        self.stop, self.hurry, self.reload = asyncio.Event(), asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)

    def _stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


def _announce(settings: Settings, address: str, page: str | None) -> None:
    """Say that all workers accept calls. Whether they serve is what the health service says."""
    insecure = ", ".join(settings.insecure_addresses) or None
    tls = settings.tls_certificate is not None
    workers = settings.workers
    _log.info("listening", address=address, metrics=page, tls=tls, insecure=insecure, workers=workers)
    systemd.notify("READY=1")


async def _work(staff: Staff, reload: asyncio.Event, announce: Callable[[], None]) -> None:
    """Start the workers and keep them, for ever."""
    await staff.start()
    announce()
    await together(staff.keep(), staff.poll(), _roll(staff, reload), logs.rotate())


async def _roll(staff: Staff, reload: asyncio.Event) -> None:
    while True:
        await reload.wait()
        reload.clear()
        systemd.reloading()
        _log.info("rolling_restart")
        if await staff.replace():
            _log.info("rolled")
        systemd.notify("READY=1")
