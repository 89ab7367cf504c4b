"""How a process serves until it is told to end: by itself, or as a worker, which its parent tells as well."""

import asyncio
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import IntEnum

from fhirexport_server.app import App, running
from fhirexport_server.runtime import systemd
from fhirexport_server.runtime.fairness.event_loop import FairEventLoop
from fhirexport_server.runtime.tasks import cancelled
from fhirexport_server.settings import Settings
from fhirexport_server.workers.combined_metrics import ProcessMetrics
from fhirexport_server.workers.control import Control, Message, MessageKind
from fhirexport_server.workers.shares import share

_SWITCH_SECONDS = 0.000_1
"""How long a thread keeps the interpreter that others wait for.

The default of 5 ms is waited for at each step of a call while an import is read or an export rendered.
"""


class _Ending(IntEnum):
    """How a process is to end: a later one hurries an earlier one."""

    RETIRE = 1
    DRAIN = 2
    ABANDONED = 3
    AT_ONCE = 4


class _Endings:
    """What a process was told about its end, by signals and by its parent."""

    def __init__(self) -> None:
        self._told: _Ending | None = None
        self._changed = asyncio.Event()

    def tell(self, ending: _Ending) -> None:
        """Note that the process is to end, unless it is to end sooner already."""
        self._told = max(ending, self._told or ending)
        self._changed.set()

    def on_signal(self) -> None:
        """Note a signal: the first one drains, the second one ends."""
        was_told = self._told is not None and self._told >= _Ending.DRAIN
        self.tell(_Ending.AT_ONCE if was_told else _Ending.DRAIN)

    async def more_than(self, last: _Ending | None) -> _Ending:
        """Wait until the process is to end, sooner than it knew."""
        while self._told is None or self._told == last:
            self._changed.clear()
            await self._changed.wait()
        return self._told


@contextmanager
def _on_signals(endings: _Endings) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, endings.on_signal)
    sys.setswitchinterval(_SWITCH_SECONDS)
    yield


def run_fairly(serving: Coroutine[object, object, None]) -> None:
    """Run what serves, in an event loop whose time callers share fairly."""
    with asyncio.Runner(loop_factory=FairEventLoop) as runner:
        runner.run(serving)


async def serve(settings: Settings) -> None:
    """Run a server until SIGTERM or SIGINT, then drain it. A second signal ends it at once.

    Raises:
      ListenError, MetricsAddressError: An address cannot be listened on.
      CertificateError, KeptFileError: A file of certificates, keys or tokens cannot be used.
      PolicyError: The policy cannot be used.
      AuditDirectoryError: The audit trail cannot be written.
    """
    endings = _Endings()
    with _on_signals(endings):
        async with running(settings) as app:
            systemd.notify("READY=1")
            await endings.more_than(None)
            systemd.notify("STOPPING=1")
            await _ended(app, endings, settings)


async def serve_as_worker(settings: Settings, address: str, end: socket.socket) -> None:
    """Run one of several processes of a server, until it is told to end or its parent is gone.

    Args:
      settings: The settings of the whole server.
      address: Where all its processes listen, with the actual port.
      end: The end of the channel to its parent.

    Raises: as `serve` does.
    """
    endings = _Endings()
    control = await Control.over(end)
    with _on_signals(endings):
        async with running(share(settings, address), worker=True) as app:
            control.send(Message(MessageKind.LISTENING))
            listening = asyncio.create_task(_listen(control, app, endings), name="control")
            serving = asyncio.create_task(_tell_serving(control, app), name="serving")
            await endings.more_than(None)
            await _ended(app, endings, settings)
            await cancelled(serving)
            await cancelled(listening)
            # What was counted since the parent asked last is not to be lost.
            control.send(Message(MessageKind.METRICS, ProcessMetrics.of(app.registry).as_json()))
            await control.flush()
    control.close()


async def _ended(app: App, endings: _Endings, settings: Settings) -> None:
    """Bring a server to its end as it was told to, sooner where it is told so meanwhile."""
    last: _Ending | None = None
    while last is not _Ending.AT_ONCE:
        last = await endings.more_than(last)
        if last is _Ending.AT_ONCE:
            return
        done = asyncio.create_task(_drained(app, last, settings))
        hurried = asyncio.create_task(endings.more_than(last))
        await asyncio.wait({done, hurried}, return_when=asyncio.FIRST_COMPLETED)
        is_done = done.done()
        await cancelled(hurried)
        await cancelled(done)
        if is_done:
            return


async def _drained(app: App, ending: _Ending, settings: Settings) -> None:
    if ending is _Ending.RETIRE:
        await app.retire(grace=settings.drain_grace)
    else:
        # Without a parent, somebody is about to start another server at this address.
        delay = 0.0 if ending is _Ending.ABANDONED else settings.drain_delay
        await app.drain(delay=delay, grace=settings.drain_grace)


async def _tell_serving(control: Control, app: App) -> None:
    await app.until_serving()
    control.send(Message(MessageKind.SERVING))


async def _listen(control: Control, app: App, endings: _Endings) -> None:
    """Do what the parent says."""
    told = {
        MessageKind.DRAIN: _Ending.DRAIN,
        MessageKind.RETIRE: _Ending.RETIRE,
        MessageKind.END: _Ending.AT_ONCE,
    }
    while message := await control.receive():
        if message.kind is MessageKind.METRICS:
            families = await asyncio.to_thread(ProcessMetrics.of, app.registry)
            control.send(Message(MessageKind.METRICS, families.as_json()))
        else:
            endings.tell(told[message.kind])
    endings.tell(_Ending.ABANDONED)
