"""Watches, for programs without an event loop."""

from collections.abc import Iterable, Iterator
from threading import Condition, Lock, Thread

import grpc

from fhirexport._internal.calls import Calls
from fhirexport.errors import from_rpc
from fhirexport.v1.export_service_pb2 import WatchExportsRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.watches.following import ExportRevision, Following, OnInterruption, Untold


class Watch:
    """A watch of datasets, not begun before it is read: an endless loop over their revisions.

    The present revisions come first, then each new one, within a second of its commit. What comes while the
    loop is busy waits, the latest of each dataset. A call that ends or breaks is made again, as often as it
    takes, and nothing is missed.
    """

    def __init__(
        self,
        stub: ExportServiceStub,
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
        self._lock = Lock()
        self._is_cancelled = False

    def __iter__(self) -> Iterator[ExportRevision]:
        """Yield the revisions, without end.

        Raises:
            ExportError: it could not be begun, or goes on no more: there is no such EJ, for one.
        """
        inbox = _Inbox()
        with self._lock:
            if self._is_cancelled:
                return
            self._inboxes.add(inbox)
        Thread(target=self._read, args=(inbox,), name="fhirexport-watch", daemon=True).start()
        try:
            while (revision := inbox.next()) is not None:
                yield revision
        finally:
            inbox.close()
            with self._lock:
                self._inboxes.discard(inbox)

    def cancel(self) -> None:
        """End the watch: whoever loops over it comes to the end of the loop."""
        with self._lock:
            self._is_cancelled = True
            inboxes = tuple(self._inboxes)
        for inbox in inboxes:
            inbox.close()

    def _read(self, inbox: "_Inbox") -> None:
        following = Following(self._request, self.on_interruption)
        try:
            arguments = self._calls.attempts()
            while inbox.is_open:
                call = self._stub.WatchExports(following.request, **arguments())
                try:
                    inbox.attach(call)
                    for message in call:
                        inbox.put(following.accept(message))
                    delay = following.delay()
                except grpc.RpcError as error:
                    if not inbox.is_open:
                        return
                    delay = following.delay(from_rpc(error))
                finally:
                    call.cancel()
                inbox.wait(delay)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again where the watch is read
            inbox.fail(error)


class _Inbox:
    """What has come for one loop."""

    def __init__(self) -> None:
        self._untold = Untold()
        self._changed = Condition()
        self._call: grpc.Call | None = None
        self._error: Exception | None = None
        self.is_open = True

    def attach(self, call: grpc.Call) -> None:
        """Have this call cancelled when the loop is left."""
        with self._changed:
            self._call = call
            if not self.is_open:
                call.cancel()

    def put(self, revisions: Iterable[ExportRevision]) -> None:
        """Add what has come."""
        with self._changed:
            self._untold.put(revisions)
            self._changed.notify_all()

    def fail(self, error: Exception) -> None:
        """Raise an error in the loop, after what has come."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def close(self) -> None:
        """End the loop, and its call."""
        with self._changed:
            self.is_open = False
            if self._call is not None:
                self._call.cancel()
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait, unless the loop is left."""
        with self._changed:
            self._changed.wait_for(lambda: not self.is_open, seconds)

    def next(self) -> ExportRevision | None:
        """Return what comes next; None at the end."""
        with self._changed:
            while self.is_open:
                if (revision := self._untold.take()) is not None:
                    return revision
                if self._error is not None:
                    raise self._error
                self._changed.wait()
        return None
