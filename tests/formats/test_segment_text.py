"""Shows that a segment's text is taken apart as it was put together, and that other text is refused."""

import hashlib
import tracemalloc
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from unittest import mock

import pytest
import zstandard
from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.rows import Rendered
from fhirexport_server.domain.segments import Block, Chunk, Segment
from fhirexport_server.formats import segment_writer
from fhirexport_server.formats.layout import Layout, layout
from fhirexport_server.formats.segment_text import ForeignTextError, groups
from fhirexport_server.formats.segment_writer import CHUNK_BYTES, SegmentWriter

BASE = "https://example.org/fhir"
BLOCK = Block(0, 7)
MIB = 1024 * 1024


def resource(kind: str, number: int) -> Rendered:
    json = f'{{"resourceType":"Encounter","id":"{kind}-{number}","text":"}},\\n{{"}}'
    return Rendered("Encounter", f"{kind}-{number}", json.encode())


GROUPS = {7: [resource("ven", 7), resource("mvt", 1), resource("mvt", 2)], 9: [resource("ven", 9)]}


def laid_out(chosen: Layout) -> dict[int, list[bytes]]:
    return {key: [chosen.entry(one) for one in group] for key, group in GROUPS.items()}


def written(chosen: Layout, *, first: bool) -> tuple[Segment, list[Chunk]]:
    chunks = list(SegmentWriter(chosen).chunks(BLOCK, laid_out(chosen).values(), first=first))
    segment = chunks[-1].segment
    assert segment is not None
    return segment, chunks


def chunk(text: bytes) -> Chunk:
    return Chunk(zstandard.ZstdCompressor().compress(text), len(text), 0)


@pytest.mark.parametrize("chunk_bytes", [CHUNK_BYTES, 100, 1])
@pytest.mark.parametrize("wanted", Format)
@pytest.mark.parametrize("first", [True, False])
def test_a_text_is_taken_apart_as_it_was_put_together(
    wanted: Format,
    first: bool,  # noqa: FBT001 - a parameter
    chunk_bytes: int,
) -> None:
    chosen = layout(wanted, BASE)
    with mock.patch.object(segment_writer, "CHUNK_BYTES", chunk_bytes):
        segment, chunks = written(chosen, first=first)
    assert (len(chunks) > 1) is (chunk_bytes < CHUNK_BYTES)
    expected = laid_out(chosen)
    found = {key: list(entries) for key, entries in groups(chosen, b"ven", segment, chunks)}
    assert found == expected
    (_, (last, entries)) = groups(chosen, b"ven", segment, chunks)
    assert {last: list(entries)} == {9: expected[9]}, "what is left out is passed over"


def resealed(segment: Segment, text: bytes) -> Segment:
    return segment._replace(digest=hashlib.sha256(text).digest(), size=len(text))


@pytest.mark.parametrize("wanted", Format)
@pytest.mark.parametrize(
    "damage",
    [
        lambda segment, text: (segment, text.replace(b"ven-7", b"ven-8")),
        lambda segment, _: (segment, b""),
        lambda segment, _: (resealed(segment, b"x"), b"x"),
        lambda segment, text: (segment._replace(ids=3), text),
        lambda segment, text: (segment._replace(resource_count=5), text),
        lambda segment, text: (
            resealed(segment, altered := text.replace(b'"id":"ven-7"', b'"id":"mvt-7"')),
            altered,
        ),
        lambda segment, text: (resealed(segment, altered := text.replace(b'"id"', b'"Id"')), altered),
    ],
    ids=["changed", "empty", "not ours", "more ids", "more resources", "a movement first", "without ids"],
)
def test_other_text_is_refused(wanted: Format, damage: object) -> None:
    assert callable(damage)
    chosen = layout(wanted, BASE)
    segment, chunks = written(chosen, first=True)
    segment, text = damage(segment, b"".join(one.text() for one in chunks))
    with pytest.raises(ForeignTextError):
        groups(chosen, b"ven", segment, [chunk(text)])


@pytest.mark.parametrize("wanted", Format)
def test_chunks_that_are_cut_elsewhere_than_between_entries_are_refused(wanted: Format) -> None:
    chosen = layout(wanted, BASE)
    segment, chunks = written(chosen, first=True)
    text = chunks[0].text()
    accepted = []
    for cut in range(1, len(text)):
        with suppress(ForeignTextError):
            found = dict(groups(chosen, b"ven", segment, [chunk(text[:cut]), chunk(text[cut:])]))
            assert list(found) == list(GROUPS)
            accepted.append(cut)
    lines = [text[:cut].count(b"\n") + text[cut:].startswith(b",") for cut in accepted]
    first = 1 if wanted is Format.NDJSON else 2
    assert lines == [first, first + 1, first + 2]


@pytest.mark.parametrize("wanted", Format)
def test_a_segment_of_any_size_is_taken_apart_and_put_together_in_constant_memory(wanted: Format) -> None:
    chosen = layout(wanted, BASE)
    space = b" " * 8000

    def large(key: int) -> Iterator[bytes]:
        for number in range(64):
            logical_id = f"{'mvt' if number else 'ven'}-{key}"
            json = b'{"resourceType":"Encounter","id":"%s","text":"%s"}' % (logical_id.encode(), space)
            yield chosen.entry(Rendered("Encounter", logical_id, json))

    writer = SegmentWriter(chosen)
    chunks = list(writer.chunks(BLOCK, map(large, range(1, 65)), first=True))
    segment = chunks[-1].segment
    assert segment is not None
    assert segment.size > 30 * MIB
    tracemalloc.start()
    try:
        entries = (entries for _, entries in groups(chosen, b"ven", segment, chunks))
        last = deque(writer.chunks(BLOCK, entries, first=True), maxlen=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert last[0].segment == segment
    assert peak < 4 * MIB
