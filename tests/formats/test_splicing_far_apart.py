"""Shows that splicing holds where ids are far apart, so that blocks are of all sizes, with holes between."""

from unittest import mock

import pytest
from fhirexport_server.domain import segments
from fhirexport_server.domain.changes import Keys
from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.segments import Segment
from fhirexport_server.formats import segment_writer, splicing
from fhirexport_server.formats.layout import layout
from fhirexport_server.formats.segment_writer import CHUNK_BYTES, SegmentWriter
from fhirexport_server.formats.splicing import Splicer
from formats.test_splicing import BASE, Kept, Rows, ranges
from hypothesis import given
from hypothesis import strategies as st

IDS = st.sets(st.sampled_from([0, 1, 2, 3, 4, 7, 10, 20, 30, 40, 61, 62]), min_size=1, max_size=4).map(
    lambda bits: sum(1 << bit for bit in bits)
)


def spliced(kept: Kept, listed: list[Segment], rows: Rows, changed: Keys) -> list[Segment]:
    """Splice, and compare with a full rendering; return the segments."""
    splicer = Splicer(SegmentWriter(kept.layout), kept.read, kept.keep)
    result = list(splicer.splice(listed, changed, kept.groups(rows, changed)))
    ours = frames(kept, result)
    expected, texts = kept.full(rows)
    assert result == [segment for segment in expected if segment.ids]
    assert [kept.texts[segment.digest] for segment in expected] == texts
    assert frames(kept, result) == ours
    return result


def frames(kept: Kept, listed: list[Segment]) -> list[bytes]:
    return [chunk.frame for segment in listed for chunk in kept.chunks[segment.digest]]


def listed(kept: Kept, rows: Rows) -> list[Segment]:
    return [segment for segment in kept.full(rows)[0] if segment.ids]


@pytest.mark.parametrize("wanted", Format)
def test_a_segment_that_was_the_first_is_found_where_its_block_begins_earlier(wanted: Format) -> None:
    kept = Kept(layout(wanted, BASE))
    far = 2**30 + 2**20
    first, deleted = range(far, far + 100), range(far + 2**19, far + 2**19 + 100)
    before = listed(kept, dict.fromkeys([*first, *deleted], (0, 0)))
    inserted = range(1, 201)
    rows = dict.fromkeys(inserted, (1, 0)) | dict.fromkeys(first, (0, 0))
    after = spliced(kept, before, rows, Keys(frozenset([*deleted, *inserted])))
    assert (before[0].block.lo, after[-1].block.lo) == (far, 2**30)


@given(
    sizes=st.tuples(st.integers(1, 4), st.sampled_from([CHUNK_BYTES, 1, 300])),
    keys=st.sets(IDS, max_size=30),
    wanted=st.sampled_from(Format),
    movements=st.integers(0, 1),
    steps=st.lists(
        st.tuples(
            st.sets(IDS, max_size=20), st.sets(IDS, max_size=12), st.sets(IDS, max_size=3), st.booleans()
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_splicing_of_ids_far_apart_gives_what_a_full_rendering_gives(
    sizes: tuple[int, int],
    keys: set[int],
    wanted: Format,
    movements: int,
    steps: list[tuple[set[int], set[int], set[int], bool]],
) -> None:
    most_ids, chunk_bytes = sizes
    with (
        mock.patch.object(segments, "MOST_IDS", most_ids),
        mock.patch.object(splicing, "MOST_IDS", most_ids),
        mock.patch.object(segment_writer, "CHUNK_BYTES", chunk_bytes),
    ):
        kept = Kept(layout(wanted, BASE))
        rows = dict.fromkeys(keys, (0, movements))
        current = listed(kept, rows)
        for version, (deleted, inserted, named, as_ranges) in enumerate(steps, 1):
            rows = {key: row for key, row in rows.items() if key not in deleted}
            rows |= dict.fromkeys(inserted, (version, movements))
            rows |= {key: (version, movements) for key in named if key in rows}
            touched = deleted | inserted | named
            current = spliced(kept, current, rows, ranges(touched) if as_ranges else Keys(frozenset(touched)))
