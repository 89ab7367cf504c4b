"""The events of a stream between its first and its last: content, and what the caller has of it."""

import hashlib
from collections.abc import AsyncGenerator
from typing import cast

from fhirexport.v1.export_service_pb2 import StreamExportResponse

from fhirexport_server.exports.rendering import Chunk, Rendering, Totals
from fhirexport_server.rpc import call
from fhirexport_server.rpc.exports import messages


class ContentEvents:
    """The content of one rendering, as events."""

    def __init__(self, rendering: Rendering, *, zstd: bool) -> None:
        """Make the events.

        Args:
            rendering: The rendering.
            zstd: Whether to send its frames as they are; else text.
        """
        self._rendering = rendering
        self._zstd = zstd
        self._sent = Sent()
        # Of all text, where that is sent and nobody else is known to have hashed it.
        is_known = rendering.totals is not None and rendering.totals.sha256
        self._hash = None if zstd or is_known else hashlib.sha256()

    async def events(self) -> AsyncGenerator[StreamExportResponse, None]:
        """Yield the events in order."""
        positions = self._rendering.have.positions
        first = count = 0
        async for chunk in self._rendering.chunks():
            if chunk.segment is not None and not chunk.frame:
                position = positions[chunk.segment.digest]
                if count and position != first + count:
                    yield self._unchanged(first, count)
                    count = 0
                if not count:
                    first = position
                count += 1
                continue
            if count:
                yield self._unchanged(first, count)
                count = 0
            yield self._content(chunk)
        if count:
            yield self._unchanged(first, count)

    def finished(self) -> StreamExportResponse:
        """Return the last event, which tells of the whole rendering."""
        totals = self._rendering.totals
        if totals is None:
            raise RuntimeError("the chunks have ended and there are no totals")
        sha256 = "" if self._hash is None else self._hash.hexdigest()
        return messages.finished(totals, self._rendering.root, sha256)

    def _unchanged(self, first: int, count: int) -> StreamExportResponse:
        self._hash = None
        return messages.unchanged(first, count)

    def _content(self, chunk: Chunk) -> StreamExportResponse:
        content = chunk.frame if self._zstd else chunk.text()
        if self._hash is not None:
            self._hash.update(content)
        self._sent.add(chunk)
        # The generated types know no message that is serialized already.
        return cast("StreamExportResponse", messages.run(chunk, content, zstd=self._zstd))


def sent_whole(totals: Totals) -> None:
    """Count the content of a response that was ready, for its log line."""
    call.current().facts.update(resources=totals.resource_count, bytes=totals.size_bytes)


class Sent:
    """Counts the content of a response, for its log line."""

    def __init__(self) -> None:
        self.size = 0
        self._resources = 0

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.size += chunk.size
        self._resources += chunk.resource_count
        call.current().facts.update(resources=self._resources, bytes=self.size)
