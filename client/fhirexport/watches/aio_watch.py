"""Watches, for asyncio programs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

import grpc

from fhirexport._internal.calls import Calls
from fhirexport.errors import from_rpc
from fhirexport.v1.export_service_pb2 import WatchExportsRequest
from fhirexport.watches.following import ExportRevision, Following, OnInterruption, Untold

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only


class AsyncWatch:
    """A watch of datasets, not begun before it is read: an endless loop over their revisions.

    The present revisions come first, then each new one, within a second of its commit. What comes while the
    loop is busy waits, the latest of each dataset. A call that ends or breaks is made again, as often as it
    takes, and nothing is missed.
    """

    def __init__(
        self,
        stub: "ExportServiceAsyncStub",
        calls: Calls,
        request: WatchExportsRequest,
        on_interruption: OnInterruption | None,
    ) -> None:
        self._stub = stub
        self._calls = calls
        self._request = request
        self.on_interruption = on_interruption
        """Called with the error when a watch that had begun is interrupted; not again before it goes on."""
        self._inboxes: set[_Inbox] = set()
        self._is_cancelled = False

    async def __aiter__(self) -> AsyncIterator[ExportRevision]:
        """Yield the revisions, without end.

        Raises:
            ExportError: it could not be begun, or goes on no more: there is no such EJ, for one.
        """
        inbox = _Inbox()
        if self._is_cancelled:
            return
        self._inboxes.add(inbox)
        reading = asyncio.create_task(self._read(inbox), name="fhirexport-watch")
        try:
            while (revision := await inbox.next()) is not None:
                yield revision
        finally:
            self._inboxes.discard(inbox)
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    def cancel(self) -> None:
        """End the watch: whoever loops over it comes to the end of the loop."""
        self._is_cancelled = True
        for inbox in self._inboxes:
            inbox.close()

    async def _read(self, inbox: "_Inbox") -> None:
        following = Following(self._request, self.on_interruption)
        try:
            arguments = self._calls.attempts()
            while True:
                call = self._stub.WatchExports(following.request, **arguments())
                try:
                    async for message in call:
                        inbox.untold.put(following.accept(message))
                        inbox.changed.set()
                    delay = following.delay()
                except grpc.aio.AioRpcError as error:
                    delay = following.delay(from_rpc(error))
                finally:
                    call.cancel()
                await asyncio.sleep(delay)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again where the watch is read
            inbox.error = error
            inbox.changed.set()


class _Inbox:
    """What has come for one loop."""

    def __init__(self) -> None:
        self.untold = Untold()
        self.changed = asyncio.Event()
        self.error: Exception | None = None
        self._is_open = True

    def close(self) -> None:
        """End the loop."""
        self._is_open = False
        self.changed.set()

    async def next(self) -> ExportRevision | None:
        """Return what comes next; None at the end."""
        while self._is_open:
            if (revision := self.untold.take()) is not None:
                return revision
            if self.error is not None:
                raise self.error
            self.changed.clear()
            await self.changed.wait()
        return None
