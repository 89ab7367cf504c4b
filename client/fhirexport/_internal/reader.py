"""How far a streamed export has come, and how it goes on when it breaks. No input or output."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace

import grpc

from fhirexport._internal.content import MOST_DIGESTS, root_of, text_of
from fhirexport._internal.retries import Retries
from fhirexport.errors import ExportError, IncompleteError, SnapshotGoneError
from fhirexport.models import Progress, Snapshot
from fhirexport.v1.export_service_pb2 import StreamExportRequest, StreamExportResponse

_CACHE_STATUS = "cache-status"


class Reader:
    """Checks the events of a stream, and knows how to go on when it breaks.

    Use: send `request`; give each event to `accept`; when the stream ends, call `ended`; when it fails,
    wait `delay` seconds and start again. Stop when `finished`.

    A stream is taken up by telling the server which segments have come. What comes all the same is compared
    with what was handed out, and not handed out again: so it goes on as long as that is how the export
    begins, even if other data has changed meanwhile.
    """

    def __init__(
        self, request: StreamExportRequest, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        self.request = request
        self.finished = False
        self.not_modified = False
        self.snapshot: Snapshot | None = None
        self._on_progress = on_progress
        self._retries = Retries()
        self._started = False
        # What was handed out: whole segments, and the beginning of the next one.
        self._bytes = 0
        self._resources = 0
        self._digests: list[bytes] = []
        self._handed_out = _Part()
        # What has come in this attempt, likewise. Unless that is behind, both are one.
        self._segments = 0
        self._received = self._handed_out
        # Of everything, for servers that know no segments.
        self._sha256: hashlib._Hash | None = hashlib.sha256()

    def accept(self, event: StreamExportResponse, cache_status: str = "") -> bytes | None:
        """Take the next event; return the content that it brings, None where it brings none.

        Raises:
            IncompleteError: the event is not what must come next.
            SnapshotGoneError: the data has changed, and the export no longer begins with what was handed out.
        """
        match event.WhichOneof("event"):
            case "started":
                self._start(Snapshot.from_message(event.started, cache_status))
            case "chunk" if self._started and not self.finished:
                return self._take(event.chunk)
            case "unchanged" if self._started and not self.finished:
                self._pass(event.unchanged)
            case "finished" if self._started and not self.finished:
                self._finish(event.finished)
            case _:
                raise IncompleteError("the stream's events came in an impossible order")
        return None

    def ended(self) -> None:
        """Take note that the stream has ended by itself.

        Raises:
            IncompleteError: it had not said that it was finished.
        """
        if not self.finished:
            raise IncompleteError("the stream ended before the export was finished")

    def delay(self, error: ExportError) -> float:
        """Return how many seconds to wait before sending `request` again.

        Raises:
            ExportError: it is of no use: the error given.
        """
        seconds = self._retries.delay(error)
        self._started = False
        self._segments, self._received = 0, _Part()
        self.request.ClearField("have")
        if self._digests:
            self.request.have.digests.extend(self._digests[:MOST_DIGESTS])
        if self._bytes:
            self.request.if_none_match = ""
        return seconds

    def _start(self, snapshot: Snapshot) -> None:
        if self._started:
            raise IncompleteError("the stream started twice")
        self._started = True
        self.snapshot = snapshot

    def _take(self, chunk: StreamExportResponse.Chunk) -> bytes | None:
        text, digest = text_of(chunk), chunk.digest
        if self._segments < len(self._digests):
            # It was told that this segment has come; it need not heed that.
            self._received.add(text, chunk.resource_count)
            if digest:
                self._require(digest == self._digests[self._segments])
                self._end_segment(digest)
            return None
        new = self._beyond(text, chunk.resource_count)
        if digest:
            self._require(self._received is self._handed_out)
            self._end_segment(digest)
            self._digests.append(digest)
            self._handed_out = self._received
            self._sha256 = None
        return new

    def _beyond(self, text: bytes, resource_count: int) -> bytes | None:
        """Return what a chunk of the next segment has that was not handed out; None where it has nothing."""
        received, handed_out = self._received, self._handed_out
        resources, new = resource_count, text
        if received is not handed_out:
            rest = handed_out.size - received.size
            known, new = text[:rest], text[rest:]
            received.add(known, resource_count)
            if received.size < handed_out.size:
                return None
            self._require(received.hash.digest() == handed_out.hash.digest())
            resources = received.resources - handed_out.resources
            self._handed_out = received
            received.add(new)
            if not new:
                return None
        else:
            received.add(new, resources)
        if self._sha256 is not None:
            self._sha256.update(new)
        self._bytes += len(new)
        self._resources += resources
        self._retries.progressed()
        if self._on_progress is not None and self.snapshot is not None:
            of_resources, of_bytes = self.snapshot.resource_count, self.snapshot.size_bytes
            self._on_progress(Progress(self._resources, of_resources, self._bytes, of_bytes))
        return new

    def _pass(self, unchanged: StreamExportResponse.Unchanged) -> None:
        """Take note of segments that the server has not sent again."""
        after = unchanged.first + unchanged.count
        if self._received.size or not 0 <= unchanged.first < after <= len(self.request.have.digests):
            raise IncompleteError("the stream's events came in an impossible order")
        self._require(unchanged.first == self._segments)
        self._segments = after

    def _end_segment(self, digest: bytes) -> None:
        if self._received.hash.digest() != digest:
            raise IncompleteError("what came is not what the server sent: a segment's digest differs")
        self._segments, self._received = self._segments + 1, _Part()

    def _require(self, continues: bool) -> None:  # noqa: FBT001 - it asserts
        if not continues:
            raise SnapshotGoneError(
                "the stream broke, and the data has changed meanwhile: what came is no longer how it begins",
                code=grpc.StatusCode.ABORTED,
            )

    def _finish(self, message: StreamExportResponse.Finished) -> None:
        if message.not_modified:
            if not self.request.if_none_match:
                raise IncompleteError("the server says that an etag holds that it was not sent")
            self.not_modified = True
        else:
            self._verify(message)
            if self.snapshot is not None:
                self.snapshot = replace(
                    self.snapshot, resource_count=self._resources, size_bytes=self._bytes, root=message.root
                )
        self.finished = True

    def _verify(self, message: StreamExportResponse.Finished) -> None:
        self._require(self._segments == len(self._digests))
        self._require(self._received.size == self._handed_out.size)
        if self._sha256 is not None and not message.root:
            sums = self._sha256.hexdigest() == message.sha256
        else:
            sums = not self._handed_out.size and root_of(self._digests) == message.root
        totals = (message.size_bytes, message.resource_count)
        if not sums or totals != (self._bytes, self._resources):
            raise IncompleteError("what came is not what the server sent: its sum or its count differs")


class _Part:
    """A part of a segment, from its beginning."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.size = 0
        self.resources = 0

    def add(self, text: bytes, resources: int = 0) -> None:
        self.hash.update(text)
        self.size += len(text)
        self.resources += resources


def cache_status(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return what the headers of an export say of the cache; empty when they say nothing."""
    return next((str(value) for key, value in metadata if key == _CACHE_STATUS), "")
