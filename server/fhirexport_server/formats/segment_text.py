"""Takes the text of a segment apart again, into the entries of its ids.

JSON escapes line feeds, so no entry holds the line feed that separates it from the next one. Each entry has
its resource's type and id where `fhir.encoder` puts them: first. A segment may be far larger than most, so
that its text is never there as a whole: it is read chunk by chunk, once to check it and once for its entries.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from fhirexport_server.domain.segments import Chunk, Segment
from fhirexport_server.formats.layout import Layout

_ID = re.compile(rb'\{"resourceType":"[A-Za-z]{1,40}","id":"([a-z]{1,20})-([1-9][0-9]{0,18})"')

Group = tuple[int, Iterable[bytes]]
"""An id, and the entries of its resources. They are read once, or not at all, before those of the next id."""


class ForeignTextError(Exception):
    """The text is not that of the segment, as this release writes it."""


def groups(layout: Layout, kind: bytes, segment: Segment, chunks: Sequence[Chunk]) -> Iterator[Group]:
    """Return the entries of each id of a segment, in order.

    Args:
        layout: The layout of the text.
        kind: What the logical ids of the resources begin with that are one for each id of the segment: those
            that follow, of another kind, belong to the same id.
        segment: The segment.
        chunks: Its chunks.

    Raises:
        ForeignTextError: The text is not that of the segment. It is known before the first entry is read.
    """
    hashed = hashlib.sha256()
    ids: list[int] = []
    firsts: list[int] = []
    resources = 0
    entries: list[bytes] = []
    for chunk in chunks:
        text = chunk.text()
        hashed.update(text)
        entries = _split(layout, text)
        for position, entry in enumerate(entries, resources):
            match = _ID.search(entry)
            if match is None:
                raise ForeignTextError
            if match[1] == kind:
                ids.append(int(match[2]))
                firsts.append(position)
            elif not ids:
                raise ForeignTextError
        resources += len(entries)
    if hashed.digest() != segment.digest or (len(ids), resources) != (segment.ids, segment.resource_count):
        raise ForeignTextError
    if len(chunks) == 1:
        return _grouped(ids, [*firsts, resources], iter(entries))
    again = chain.from_iterable(_split(layout, chunk.text()) for chunk in chunks)
    return _grouped(ids, [*firsts, resources], again)


def _grouped(ids: Sequence[int], firsts: Sequence[int], entries: Iterator[bytes]) -> Iterator[Group]:
    """Yield the entries by id: those of the nth id are the ones from its first to the next one's."""
    position = 0

    def between(first: int, last: int) -> Iterator[bytes]:
        nonlocal position
        wanted = islice(entries, first - position, last - position)
        position = last
        yield from wanted

    for index, key in enumerate(ids):
        yield key, between(firsts[index], firsts[index + 1])


def _split(layout: Layout, text: bytes) -> list[bytes]:
    if not layout.between:
        if text.endswith(b"\n"):
            return text.splitlines(keepends=True)
        raise ForeignTextError
    for before in (layout.head, layout.between):
        if text.startswith(before):
            return text[len(before) :].split(layout.between)
    raise ForeignTextError
