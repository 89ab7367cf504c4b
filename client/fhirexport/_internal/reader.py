"""How far a streamed export has come, and how it goes on when it breaks. No input or output."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

import zstandard

from fhirexport.errors import (
    ExportError,
    IncompleteError,
    OverloadedError,
    SnapshotGoneError,
    UnavailableError,
)
from fhirexport.models import Progress, Snapshot
from fhirexport.v1 import export_service_pb2

ATTEMPTS = 5
"""How often in a row a stream is taken up without anything new coming."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
LARGEST_CHUNK_BYTES = 16 * 1024 * 1024
"""What a chunk may hold once decompressed; the server's have about 256 KiB."""

_PASSING = (UnavailableError, OverloadedError)


class Reader:
    """Checks the events of a stream, and knows how to go on when it breaks.

    Use: send `request`; give each event to `accept`; when the stream ends, call `ended`; when it fails,
    wait `delay` seconds and start again. Stop when `finished`.
    """

    def __init__(
        self,
        request: export_service_pb2.StreamExportRequest,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.request = request
        self.finished = False
        self.not_modified = False
        self.snapshot: Snapshot | None = None
        self._on_progress = on_progress
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._resources = 0
        self._handed_out = False
        self._failures = 0
        self._started = False

    def accept(self, event: export_service_pb2.StreamExportResponse, cache_status: str = "") -> bytes | None:
        """Take the next event; return the content that it brings, None where it brings none.

        Raises:
            IncompleteError: the event is not what must come next.
        """
        match event.WhichOneof("event"):
            case "started":
                self._start(Snapshot.from_message(event.started, cache_status))
            case "chunk" if self._started and not self.finished:
                return self._take(event.chunk)
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
            ExportError: it is of no use: the error given, or IncompleteError where content was already
                handed out that the server cannot continue.
        """
        self._failures += 1
        if self._failures >= ATTEMPTS:
            raise error
        if isinstance(error, SnapshotGoneError) and not self._handed_out:
            self.request.resume_token = ""
            return 0.0
        if not isinstance(error, _PASSING):
            raise error
        if self._handed_out and not self.request.resume_token:
            raise IncompleteError(
                "the stream broke, and the server does not keep this export to continue it",
                code=error.code,
                reason=error.reason,
                metadata=error.metadata,
            ) from error
        self._started = False
        backoff = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self._failures - 1))
        return max(error.retry_after or 0.0, random.uniform(backoff / 2, backoff))  # noqa: S311 - only spreads callers

    def _start(self, snapshot: Snapshot) -> None:
        if self._started:
            raise IncompleteError("the stream started twice")
        if self._handed_out and self.snapshot is not None and snapshot.etag != self.snapshot.etag:
            raise IncompleteError("the stream was taken up with another state of the data")
        self._started = True
        self.snapshot = snapshot

    def _take(self, chunk: export_service_pb2.StreamExportResponse.Chunk) -> bytes:
        content = decoded(chunk.zstd) if chunk.WhichOneof("content") == "zstd" else chunk.json.encode()
        self._hash.update(content)
        self._bytes += len(content)
        self._resources += chunk.resource_count
        self._handed_out = True
        self._failures = 0
        self.request.resume_token = chunk.resume_token
        if self._on_progress is not None and self.snapshot is not None:
            of_resources, of_bytes = self.snapshot.resource_count, self.snapshot.size_bytes
            self._on_progress(Progress(self._resources, of_resources, self._bytes, of_bytes))
        return content

    def _finish(self, message: export_service_pb2.StreamExportResponse.Finished) -> None:
        self.not_modified = message.not_modified
        if not message.not_modified:
            # Without a sum where the server had no need to make all of the text.
            expected = (message.sha256 or self._hash.hexdigest(), message.size_bytes, message.resource_count)
            if expected != (self._hash.hexdigest(), self._bytes, self._resources):
                raise IncompleteError("what came is not what the server sent: its sum or its count differs")
            if self.snapshot is not None:
                self.snapshot = replace(self.snapshot, resource_count=self._resources, size_bytes=self._bytes)
        self.finished = True


def decoded(frames: bytes) -> bytes:
    """Return the content of Zstandard frames, end to end.

    Raises:
        IncompleteError: they are damaged, or hold more than a chunk may.
    """
    reader = zstandard.ZstdDecompressor().stream_reader(frames, read_across_frames=True)
    try:
        content = reader.read(LARGEST_CHUNK_BYTES + 1)
    except zstandard.ZstdError as error:
        raise IncompleteError("a chunk cannot be decompressed") from error
    if len(content) > LARGEST_CHUNK_BYTES:
        raise IncompleteError("a chunk holds more than it may")
    return content
