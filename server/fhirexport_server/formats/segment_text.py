"""Takes the text of a segment apart again, into the entries of its ids.

JSON escapes line feeds, so no entry holds the line feed that separates it from the next one. Each entry has
its resource's type and id where `fhir.encoder` puts them: first.
"""

import hashlib
import re

from fhirexport_server.domain.segments import Segment
from fhirexport_server.formats.layout import Layout

_ID = re.compile(rb'\{"resourceType":"[A-Za-z]{1,40}","id":"([a-z]{1,20})-([1-9][0-9]{0,18})"')


class ForeignTextError(Exception):
    """The text is not that of the segment, as this release writes it."""


def entries(layout: Layout, kind: bytes, segment: Segment, text: bytes) -> dict[int, list[bytes]]:
    """Return the entries of each id of a segment, in order.

    Args:
        layout: The layout of the text.
        kind: What the logical ids of the resources begin with that are one for each id of the segment: those
            that follow, of another kind, belong to the same id.
        segment: The segment.
        text: Its text.

    Raises:
        ForeignTextError: The text is not that of the segment.
    """
    if hashlib.sha256(text).digest() != segment.digest:
        raise ForeignTextError
    groups: dict[int, list[bytes]] = {}
    group: list[bytes] | None = None
    for entry in _split(layout, text):
        match = _ID.search(entry)
        if match is None:
            raise ForeignTextError
        if match[1] == kind:
            groups[int(match[2])] = group = [entry]
        elif group is None:
            raise ForeignTextError
        else:
            group.append(entry)
    if len(groups) != segment.ids or sum(map(len, groups.values())) != segment.resource_count:
        raise ForeignTextError
    return groups


def _split(layout: Layout, text: bytes) -> list[bytes]:
    if not layout.between:
        return text.splitlines(keepends=True)
    for before in (layout.head, layout.between):
        if text.startswith(before):
            return text[len(before) :].split(layout.between)
    raise ForeignTextError
