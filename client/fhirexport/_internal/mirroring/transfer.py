"""Checks the stream that brings a copy up to date, and says what of it to keep. No input or output."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import zstandard

from fhirexport._internal.content import MOST_DIGESTS, root_of, text_of
from fhirexport._internal.mirroring.manifest import CopiedSegment, CopyManifest, resources_of, size_of
from fhirexport._internal.retries import Retries
from fhirexport.errors import ExportError, IncompleteError
from fhirexport.models import Progress, Snapshot
from fhirexport.v1.export_service_pb2 import StreamExportRequest, StreamExportResponse

_LEVEL = 1


class Piece(NamedTuple):
    """Content to keep: a segment, or part of one."""

    frame: bytes
    """A Zstandard frame."""
    starts: bool
    """Whether a segment begins with it. What there is of another one is to be thrown away."""
    segment: CopiedSegment | None
    """The segment that ends with it; None where that goes on."""


class Transfer:
    """The stream of one update, however often it has to be sent for.

    Use: send `attempt()`; give each event to `accept`, and keep what that returns; when the stream ends, call
    `ended`; when it fails, wait `delay` seconds and start again. Start again at once when `asks_again`. Stop
    when `finished`: `segments` are those of the new state, and all of them are there.
    """

    def __init__(
        self,
        request: StreamExportRequest,
        base: CopyManifest | None,
        others: Iterable[CopiedSegment] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Make the transfer of an update.

        Args:
            request: The request of the whole export, as NDJSON.
            base: The copy of which every segment is there; None where there is none.
            others: Segments that are there besides.
            on_progress: Called after each event that brings something.
        """
        self.finished = False
        self.not_modified = False
        self.asks_again = False
        """Whether the server does not know the root that it was sent, and sends what is here."""
        self.snapshot: Snapshot | None = None
        self.segments: tuple[CopiedSegment, ...] = ()
        self.received: dict[bytes, CopiedSegment] = {}
        """The segments that have come, by digest."""
        self.received_bytes = 0
        """How many bytes of content have come, compressed where it was."""
        self._request = request
        self._on_progress = on_progress
        self._retries = Retries()
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._base = base
        self._known = {segment.digest: segment for segment in (*(base.segments if base else ()), *others)}
        self._has_all_by_root = base is not None and len(self._known) == len(base.segments)
        self._begin()

    def attempt(self) -> StreamExportRequest:
        """Return the request of the next attempt: it says what is here by now."""
        self._has_all_by_root = self._has_all_by_root and not self.received
        self._begin()
        have = self._request.have
        have.Clear()
        if self._has_all_by_root and self._base is not None:
            have.root = self._base.root
        elif self._have:
            have.digests.extend(self._have[:MOST_DIGESTS])
        else:
            self._request.ClearField("have")
        return self._request

    def accept(self, event: StreamExportResponse, cache_status: str = "") -> Piece | None:
        """Take the next event; return what it brings to keep, None where it brings nothing.

        Raises:
            IncompleteError: the event is not what must come next.
        """
        match event.WhichOneof("event"):
            case "started":
                self._start(Snapshot.from_message(event.started, cache_status))
            case "chunk" if self._is_open:
                return self._take(event.chunk)
            case "unchanged" if self._is_open and not self._size:
                self._pass(event.unchanged)
            case "finished" if self._is_open and not self._size:
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
        return self._retries.delay(error)

    @property
    def _is_open(self) -> bool:
        return self._started and not self.finished

    def _begin(self) -> None:
        self._started = self.asks_again = False
        self._have = list(self._known)
        self._listed: list[CopiedSegment] = []
        self._listed_bytes = self._listed_resources = 0
        self._begin_segment()

    def _begin_segment(self) -> None:
        self._hash = hashlib.sha256()
        self._size = self._resources = 0

    def _start(self, snapshot: Snapshot) -> None:
        if self._started:
            raise IncompleteError("the stream started twice")
        if not snapshot.incarnation:
            raise IncompleteError(
                "the server is older than this library, and cuts no segments: a mirror needs a newer one"
            )
        self._started = True
        self.snapshot = snapshot

    def _take(self, chunk: StreamExportResponse.Chunk) -> Piece:
        text = text_of(chunk)
        if not _has_lines(text, chunk.resource_count):
            raise IncompleteError("what came is not what the server sent: a chunk has other resources")
        frame = chunk.zstd or self._compressor.compress(text)
        self.received_bytes += len(frame)
        starts = not self._size
        self._hash.update(text)
        self._size += len(text)
        self._resources += chunk.resource_count
        segment = self._end_segment(chunk.digest) if chunk.digest else None
        return Piece(frame, starts, segment)

    def _end_segment(self, digest: bytes) -> CopiedSegment:
        if self._hash.digest() != digest:
            raise IncompleteError("what came is not what the server sent: a segment's digest differs")
        segment = CopiedSegment(digest, self._size, self._resources)
        # It would not have sent what it knows to be here.
        self.asks_again = self._has_all_by_root and digest in self._known
        if digest not in self._known:
            self._retries.progressed()
        self._known[digest] = self.received[digest] = segment
        self._begin_segment()
        self._list([segment])
        return segment

    def _pass(self, unchanged: StreamExportResponse.Unchanged) -> None:
        """Take note of segments that are here."""
        after = unchanged.first + unchanged.count
        if not 0 <= unchanged.first < after <= len(self._have):
            raise IncompleteError("the server tells of segments that it was not told of")
        self._list([self._known[digest] for digest in self._have[unchanged.first : after]])

    def _list(self, segments: Sequence[CopiedSegment]) -> None:
        self._listed += segments
        self._listed_bytes += size_of(segments)
        self._listed_resources += resources_of(segments)
        if self._on_progress is not None and self.snapshot is not None:
            of_resources, of_bytes = self.snapshot.resource_count, self.snapshot.size_bytes
            self._on_progress(Progress(self._listed_resources, of_resources, self._listed_bytes, of_bytes))

    def _finish(self, message: StreamExportResponse.Finished) -> None:
        if message.not_modified:
            if self._base is None or not self._request.if_none_match:
                raise IncompleteError("the server says that an etag holds that it was not sent")
            self.not_modified = True
            self._complete(self._base.segments, self._base.root)
            return
        root = root_of(segment.digest for segment in self._listed)
        sums = (root, self._listed_bytes, self._listed_resources)
        if sums != (message.root, message.size_bytes, message.resource_count):
            raise IncompleteError("what came is not what the server sent: its root or its count differs")
        self._complete(tuple(self._listed), root)

    def _complete(self, segments: tuple[CopiedSegment, ...], root: str) -> None:
        if self.snapshot is None:
            raise RuntimeError("a stream that has started has a snapshot")
        count, size = resources_of(segments), size_of(segments)
        self.snapshot = replace(self.snapshot, resource_count=count, size_bytes=size, root=root)
        self.segments = segments
        self.finished = True


def _has_lines(text: bytes, number: int) -> bool:
    if text.startswith(b"\n") or b"\n\n" in text or not text.endswith(b"\n"):
        return not text and not number
    return text.count(b"\n") == number
