"""Shows that splicing changes into segments gives what cutting and writing all of it anew gives."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from unittest import mock

import pytest
from fhirexport_server.domain import segments
from fhirexport_server.domain.changes import Keys
from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.rows import Rendered
from fhirexport_server.domain.segments import WHOLE, Block, Chunk, Segment, end, in_blocks
from fhirexport_server.formats import segment_text, splicing
from fhirexport_server.formats.chunker import Chunker
from fhirexport_server.formats.layout import Layout, layout
from fhirexport_server.formats.segment_writer import SegmentWriter
from fhirexport_server.formats.splicing import Splicer
from hypothesis import given
from hypothesis import strategies as st

BASE = "https://example.org/fhir"
Rows = Mapping[int, tuple[int, int]]
"""For each id, its version and how many movements it has."""


def resources(key: int, version: int, movements: int) -> list[Rendered]:
    made = []
    for kind, number in (("ven", key), *(("mvt", (key + i) % 2**62 + 1) for i in range(1, movements + 1))):
        json = f'{{"resourceType":"Encounter","id":"{kind}-{number}","v":"{version}"}}'
        made.append(Rendered("Encounter", f"{kind}-{number}", json.encode()))
    return made


class Kept:
    """The segments of renderings, by digest, as a cache keeps them."""

    def __init__(self, chosen: Layout) -> None:
        self.layout = chosen
        self.texts: dict[bytes, bytes] = {}
        self.chunks: dict[bytes, list[Chunk]] = {}

    def keep(self, chunks: Iterable[Chunk]) -> Segment:
        written = list(chunks)
        segment = written[-1].segment
        assert segment is not None
        self.chunks[segment.digest] = written
        self.texts[segment.digest] = b"".join(chunk.text() for chunk in written)
        return segment

    def read(self, segment: Segment) -> Iterable[segment_text.Group]:
        return segment_text.groups(self.layout, b"ven", segment, self.chunks[segment.digest])

    def full(self, rows: Rows) -> tuple[list[Segment], list[bytes]]:
        """Cut and write all rows; return the segments and their texts."""
        blocks = (
            (block, [resources(key, *rows[key]) for key in keys])
            for block, keys in in_blocks(sorted(rows), lambda key: key)
        )
        listed, written = [], []
        for chunk in Chunker(self.layout).chunks(blocks):
            written.append(chunk)
            if chunk.segment is not None:
                listed.append(self.keep(written))
                written.clear()
        return listed, [self.texts[segment.digest] for segment in listed]

    def groups(self, rows: Rows, changed: Keys) -> Iterator[tuple[int, list[bytes]]]:
        for key in sorted(rows):
            if changed.covers(key):
                yield key, [self.layout.entry(resource) for resource in resources(key, *rows[key])]


def halved(keys: Sequence[int], block: Block = WHOLE) -> list[tuple[Block, list[int]]]:
    """Cut ids into segments by the definition: halve what holds too many."""
    if not keys:
        return []
    if len(keys) <= segments.MOST_IDS:
        return [(block, list(keys))]
    half = Block(block.lo, block.bits - 1)
    middle = end(half)
    return halved([key for key in keys if key < middle], half) + halved(
        [key for key in keys if key >= middle], Block(middle, block.bits - 1)
    )


KEYS = st.one_of(
    st.integers(1, 600),
    st.integers(1, 5000),
    st.integers(0, 900).map(lambda n: 2**40 + 37 * n),
    st.sampled_from([2**63 - 1, 2**62, 2**62 - 1, 1]),
)
RUNS = st.tuples(KEYS, st.integers(1, 400), st.sampled_from([1, 1, 2, 3, 64])).map(
    lambda run: [key for key in range(run[0], run[0] + run[1] * run[2], run[2]) if key < 2**63]
)
ROWS = st.lists(RUNS, max_size=5).map(lambda runs: {key for run in runs for key in run})


@contextmanager
def holding(most_ids: int) -> Iterator[None]:
    """Lets segments hold so many ids: with few, a few rows make many segments."""
    with (
        mock.patch.object(segments, "MOST_IDS", most_ids),
        mock.patch.object(splicing, "MOST_IDS", most_ids),
    ):
        yield


@pytest.mark.parametrize("most_ids", [3, segments.MOST_IDS])
@given(ROWS)
def test_blocks_are_what_halving_gives(most_ids: int, keys: set[int]) -> None:
    with holding(most_ids):
        assert list(in_blocks(sorted(keys), lambda key: key)) == halved(sorted(keys))


@pytest.mark.parametrize("most_ids", [3, segments.MOST_IDS])
@given(
    keys=ROWS,
    layouts=st.sampled_from(list(Format)),
    movements=st.integers(0, 2),
    steps=st.lists(
        st.tuples(
            st.lists(RUNS, max_size=2), st.lists(RUNS, max_size=2), st.lists(KEYS, max_size=4), st.booleans()
        ),
        min_size=1,
        max_size=3,
    ),
)
@pytest.mark.long
def test_splicing_gives_what_a_full_rendering_gives(
    most_ids: int,
    keys: set[int],
    layouts: Format,
    movements: int,
    steps: list[tuple[list[list[int]], list[list[int]], list[int], bool]],
) -> None:
    with holding(most_ids):
        kept = Kept(layout(layouts, BASE))
        rows = dict.fromkeys(keys, (0, movements))
        listed = [segment for segment in kept.full(rows)[0] if segment.ids]
        for version, (deleted, inserted, named, as_ranges) in enumerate(steps, 1):
            gone = {key for run in deleted for key in run}
            new = {key for run in inserted for key in run}
            rows = {key: row for key, row in rows.items() if key not in gone}
            rows |= dict.fromkeys(new, (version, movements))
            rows |= {key: (version, movements) for key in named if key in rows}
            changed = (
                ranges(gone | new | set(named)) if as_ranges else Keys(frozenset(gone | new | set(named)))
            )
            splicer = Splicer(SegmentWriter(kept.layout), kept.read, kept.keep)
            spliced = splicer.splice(listed, changed, kept.groups(rows, changed))
            expected, texts = kept.full(rows)
            assert list(spliced) == [segment for segment in expected if segment.ids]
            assert [kept.texts[segment.digest] for segment in expected] == texts
            listed = list(spliced)


def ranges(keys: set[int]) -> Keys:
    """Name ids by ranges, and by more than there are."""
    if not keys:
        return Keys()
    ordered = sorted(keys)
    runs = [[ordered[0], ordered[0]]]
    for key in ordered[1:]:
        if key - runs[-1][1] <= 3:
            runs[-1][1] = key
        else:
            runs.append([key, key])
    return Keys(frozenset(ordered[:2]), tuple((lo, hi) for lo, hi in runs))
